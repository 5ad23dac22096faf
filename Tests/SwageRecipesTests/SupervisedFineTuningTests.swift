import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageText
import Testing
import TestSupport

@Suite struct SupervisedFineTuningTests {
    private func run(
        _ directory: String, steps: Int, saveEvery: Int? = nil, accumulation: Int = 1,
        observe: @escaping @Sendable (SupervisedFineTuning.Event) -> Void = { _ in }
    ) async throws -> SupervisedFineTuning.Outcome {
        let path = directory + "/data.jsonl"
        let lines = (0..<30).map { #"{"prompt": "Number \#($0)", "completion": " is \#($0 * 37 % 11)"}"# }
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let data = try Examples<TrainingExample>(path: path)
        let output = RunDirectory(path: directory + "/run")
        let trainer = try await NativeTrainer(
            model: Golden.decoder("qwen2"), optimizer: OptimizerOptions(learningRate: 1e-3),
            checkpointDirectory: output.checkpoints, keptCheckpoints: 2, chatTemplate: "chatml", threads: 2)
        return try await SupervisedFineTuning(
            trainer: trainer, sampler: trainer.sampler, training: data, heldOut: data, directory: output,
            settings: ["steps": "\(steps)"],
            options: .init(
                steps: steps, accumulation: accumulation, batches: .init(rows: 2, sequenceLength: 40),
                saveEvery: saveEvery, prompt: "Hi", replyTokens: 4),
            observe: observe
        ).run()
    }

    @Test func theHeldOutLossFallsAndEverythingLiesWhereTheReportSays() async throws {
        try await withTemporaryDirectory { directory in
            guard case .finished(let report) = try await run(directory, steps: 40, saveEvery: 10) else {
                Issue.record("the run did not finish")
                return
            }
            #expect(report.after.heldOut!.loss < report.before.heldOut!.loss - 0.3, "\(report)")
            #expect(report.before.reply != nil && report.after.reply != nil)
            let checkpoints = try FileManager.default.contentsOfDirectory(atPath: directory + "/run/checkpoints")
            #expect(Set(checkpoints) == ["step-30", "step-40"], "\(checkpoints)")
            _ = try await NativeTrainer(model: report.end.exported)
        }
    }

    @Test func aCancelledRunSavesAndGoesOnWithTheSameLosses() async throws {
        let unbroken = try await withTemporaryDirectory { directory in
            _ = try await run(directory, steps: 25, accumulation: 2)
            return try losses(directory)
        }
        try await withTemporaryDirectory { directory in
            let task = Task {
                try await run(directory, steps: 25, accumulation: 2) { event in
                    if case .step(let step, _) = event, step.step == 7 { cancelThisTask() }
                }
            }
            guard case .interrupted(let step, let checkpoint) = try await task.value else {
                Issue.record("the cancelled run was not interrupted")
                return
            }
            #expect(step == 7 && checkpoint == "\(directory)/run/checkpoints/step-\(step)")
            guard case .finished = try await run(directory, steps: 25, accumulation: 2) else {
                Issue.record("the resumed run did not finish")
                return
            }
            #expect(try losses(directory) == unbroken)
            guard case .alreadyFinished = try await run(directory, steps: 25, accumulation: 2) else {
                Issue.record("a finished run began again")
                return
            }
        }
    }

    @Test func examplesOfACollectionAreLearnedAsThoseOfAFileAndKnownAgain() async throws {
        func tune(_ data: Examples<TrainingExample>, _ directory: String) async throws -> SupervisedFineTuning.Outcome {
            let output = try RunDirectory(url: URL(fileURLWithPath: directory + "/run"))
            let trainer = try await NativeTrainer(
                model: URL(fileURLWithPath: Golden.decoder("qwen2")), optimizer: OptimizerOptions(learningRate: 1e-3),
                checkpointDirectory: URL(fileURLWithPath: output.checkpoints), chatTemplate: "chatml", threads: 1)
            return try await SupervisedFineTuning(
                trainer: trainer, training: data, heldOut: data, directory: output,
                options: .init(steps: 5, batches: .init(rows: 2, sequenceLength: 40))
            ).run()
        }
        let examples = (0..<30).map { TrainingExample.completion(prompt: "Number \($0)", completion: " is \($0 * 37 % 11)") }
        let ofFile = try await withTemporaryDirectory { directory in
            let lines = (0..<30).map { #"{"prompt": "Number \#($0)", "completion": " is \#($0 * 37 % 11)"}"# }
            try lines.joined(separator: "\n").write(toFile: directory + "/data.jsonl", atomically: true, encoding: .utf8)
            _ = try await tune(Examples(url: URL(fileURLWithPath: directory + "/data.jsonl")), directory)
            return try losses(directory)
        }
        try await withTemporaryDirectory { directory in
            _ = try await tune(Examples(examples), directory)
            #expect(try losses(directory) == ofFile)
            guard case .alreadyFinished = try await tune(Examples(examples), directory) else {
                Issue.record("the same examples were not known again")
                return
            }
            let error = await #expect(throws: TrainerError.self) { try await tune(Examples(examples.reversed()), directory) }
            #expect(error?.message.contains("the data") == true, "\(String(describing: error))")
        }
    }

    @Test func anotherRunInTheSameFolderIsAnError() async throws {
        try await withTemporaryDirectory { directory in
            _ = try await run(directory, steps: 2)
            let error = await #expect(throws: TrainerError.self) { try await run(directory, steps: 3) }
            #expect(error?.description.contains("begun with steps 2, not 3") == true)
        }
    }

    private func losses(_ directory: String) throws -> [Double] {
        struct Line: Decodable { var loss: Double }
        return try String(contentsOfFile: directory + "/run/metrics.jsonl", encoding: .utf8).split(separator: "\n")
            .map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)).loss }
    }

    private func tune(
        _ lines: [String], _ directory: String, steps: Int = 4, badLines: BadLines = .stop, bytesAtOnce: Int? = nil, reports: Reports
    ) async throws -> SupervisedFineTuning.Outcome {
        let path = directory + "/data.jsonl"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let output = RunDirectory(path: directory + "/run")
        let trainer = try await NativeTrainer(
            model: Golden.decoder("qwen2"), checkpointDirectory: output.checkpoints, chatTemplate: "chatml", threads: 2)
        var tuning = try SupervisedFineTuning(
            trainer: trainer, training: Examples(path: path, badLines: badLines), directory: output,
            options: .init(steps: steps, batches: .init(rows: 1, sequenceLength: 40))
        ) { event in
            if case .data(let report) = event { reports.add(report) }
        }
        if let bytesAtOnce { tuning.bytesAtOnce = bytesAtOnce }
        return try await tuning.run()
    }

    private static let chat = #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#
    /// Right in its keys, and nothing that ChatML has a place for: a call of a tool instead of words.
    private static let odd = chat.replacingOccurrences(of: #""content": "Ho"}"#, with: #""content": null, "tool_calls": [{"name": "f"}]}"#)

    @Test func everyExampleIsAccountedForBeforeTheFirstStep() async throws {
        try await withTemporaryDirectory { directory in
            let long = String(repeating: "word ", count: 40)
            let lines = [
                Self.chat, #"{"prompt": "\#(long)", "completion": " no"}"#, #"{"text": "\#(long)"}"#, Self.odd,
                #"{"messages": [{"role": "user", "content": "Hi"}]}"#, #"{"messages": [{"role": "tool", "content": "5"}]}"#,
            ]
            let reports = Reports()
            guard case .finished(let end) = try await tune(lines, directory, badLines: .skip, reports: reports) else {
                Issue.record("the run did not finish")
                return
            }
            let report = try #require(reports.all.first)
            #expect((report.rows, report.whole, report.cut, report.leftOutRows) == (6, 1, 1, 4), "\(report)")
            #expect(report.leftOut.flatMap(\.lines).sorted() == [2, 4, 5, 6], "\(report)")
            #expect(end.data == [report])
        }
    }

    @Test func aRowThatCannotBeUsedIsSaidBeforeTheFirstStep() async throws {
        try await withTemporaryDirectory { directory in
            let lines = Array(repeating: Self.chat, count: 37) + [Self.odd]
            let error = await #expect(throws: TrainerError.self) { try await tune(lines, directory, reports: Reports()) }
            #expect(error?.message.contains("data.jsonl, line 38") == true, "\(String(describing: error))")
            #expect(!FileManager.default.fileExists(atPath: directory + "/run/metrics.jsonl"))
        }
    }

    @Test func aLargeFileIsLookedAtBesideTheStepsAndStopsARunBetweenThem() async throws {
        try await withTemporaryDirectory { directory in
            let lines = Array(repeating: Self.chat, count: 37) + [Self.odd]
            let error = await #expect(throws: TrainerError.self) {
                try await tune(lines, directory + "/stop", steps: 5000, bytesAtOnce: 0, reports: Reports())
            }
            #expect(error?.message.contains("data.jsonl, line 38") == true, "\(String(describing: error))")
            let reports = Reports()
            _ = try await tune(lines, directory + "/skip", steps: 60, badLines: .skip, bytesAtOnce: 0, reports: reports)
            let known = reports.all
            #expect(known.first?.unseen == 38 && known.last?.whole == 37 && known.last?.leftOutRows == 1, "\(known)")
        }
    }
}
