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
        let data = try JSONLines<TrainingExample>(path: path)
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
}
