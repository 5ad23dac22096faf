import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageText
import Testing
import TestSupport

@Suite struct DPOTests {
    private func run(
        _ directory: String, name: String, steps: Int, observe: @escaping @Sendable (DPO.Event) -> Void = { _ in }
    ) async throws -> DPO.Outcome {
        let path = directory + "/pairs.jsonl"
        let lines = (0..<40).map { #"{"prompt": "Number \#($0 % 13)", "chosen": " is good \#($0)", "rejected": " is bad"}"# }
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let data = try Examples<PreferencePair>(path: path)
        let output = RunDirectory(path: "\(directory)/\(name)")
        let trainer = try await NativeTrainer(
            model: Golden.decoder("llama"), optimizer: OptimizerOptions(learningRate: 1e-3),
            checkpointDirectory: output.checkpoints, keptCheckpoints: 2, threads: 2)
        return try await DPO(
            trainer: trainer, training: data, heldOut: data, tokenizer: try await trainer.tokenizer(), directory: output,
            settings: ["steps": "\(steps)"],
            options: .init(steps: steps, pairsPerStep: 4, microbatch: 3, heldOutLimit: 20, saveEvery: 4), observe: observe
        ).run()
    }

    private struct Line: Decodable, Equatable {
        var step: Int
        var loss: Double
        var gradientNorm: Double
        var metrics: [String: Double]
    }

    private func curve(_ directory: String) throws -> [Line] {
        try String(contentsOfFile: directory + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }

    @Test func theMarginRisesFromNothing() async throws {
        try await withTemporaryDirectory { directory in
            guard case .finished(let report) = try await run(directory, name: "run", steps: 20) else {
                Issue.record("the run did not finish")
                return
            }
            let first = try #require(try curve(directory + "/run").first)
            #expect(abs(first.loss - log(2.0)) < 1e-6 && abs(first.metrics["margin"]!) < 1e-5, "\(first)")
            #expect(report.before?.margin == 0 && report.after!.margin > report.after!.error, "\(report)")
            #expect(report.after!.accuracy > 0.9, "\(report)")
        }
    }

    @Test func anInterruptedRunGoesOnWithItsReference() async throws {
        try await withTemporaryDirectory { directory in
            _ = try await run(directory, name: "whole", steps: 10)
            let task = Task {
                try await run(directory, name: "broken", steps: 10) { event in
                    if case .step(let step, _) = event, step.step == 5 { cancelThisTask() }
                }
            }
            guard case .interrupted = try await task.value else {
                Issue.record("the cancelled run was not interrupted")
                return
            }
            _ = try await run(directory, name: "broken", steps: 10)
            #expect(try curve(directory + "/broken") == curve(directory + "/whole"))
        }
    }

    private func learn(_ lines: [String], _ directory: String, sequenceLength: Int = 200, reports: Reports) async throws -> DPO.Outcome {
        let path = directory + "/pairs.jsonl"
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let output = RunDirectory(path: directory + "/run")
        let trainer = try await NativeTrainer(
            model: Golden.decoder("llama"), optimizer: OptimizerOptions(learningRate: 1e-3),
            checkpointDirectory: output.checkpoints, chatTemplate: "llama3", threads: 2)
        return try await DPO(
            trainer: trainer, training: Examples(path: path), tokenizer: try await trainer.tokenizer(), directory: output,
            options: .init(steps: 2, pairsPerStep: 1, sequenceLength: sequenceLength)
        ) { event in
            if case .data(let report) = event { reports.add(report) }
        }.run()
    }

    private static let long = String(repeating: "word ", count: 240)
    /// Different texts that are the same tokens: where a format trims, and within a limit of tokens.
    private static let sameTokens = [
        #"{"prompt": [{"role": "user", "content": "Hi"}], "chosen": [{"role": "assistant", "content": "Yes"}], "rejected": [{"role": "assistant", "content": "Yes "}]}"#,
        #"{"prompt": "Say it", "chosen": " \#(long)yes", "rejected": " \#(long)no"}"#,
    ]

    @Test func pairsOfTheSameTokensAreLeftOutAndCounted() async throws {
        try await withTemporaryDirectory { directory in
            let reports = Reports()
            _ = try await learn(Self.sameTokens + [#"{"prompt": "a", "chosen": " b", "rejected": " c"}"#], directory, reports: reports)
            let report = try #require(reports.all.first)
            #expect(report.rows == 3 && report.used == 1 && report.leftOut.map(\.lines) == [[1], [2]], "\(report)")
            #expect(report.leftOut[1].reason.contains("within the limit of 200"), "\(report)")
        }
    }

    @Test(arguments: sameTokens) func nothingButSuchPairsIsAnError(_ line: String) async throws {
        try await withTemporaryDirectory { directory in
            let error = await #expect(throws: TrainerError.self) { try await learn([line], directory, reports: Reports()) }
            #expect(error?.code == .invalidData && error?.message.contains("same tokens") == true, "\(String(describing: error))")
        }
    }

    @Test func aPairBeyondTheLimitIsCutAndCounted() async throws {
        try await withTemporaryDirectory { directory in
            let reports = Reports()
            _ = try await learn([#"{"prompt": "a", "chosen": " yes \#(Self.long)", "rejected": " no"}"#], directory, reports: reports)
            let report = try #require(reports.all.first)
            #expect(report.rows == 1 && report.cut == 1 && report.cutTokens > 0, "\(report)")
        }
    }
}
