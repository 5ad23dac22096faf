import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageText
import Testing
import TestSupport

/// A run goes on with what it was begun with, by content, and with nothing else.
@Suite(.timeLimit(.minutes(30))) struct RunIdentityTests {
    /// Runs `first`, whole or to its third step, and then `second` in the same folder.
    private func refusal(_ first: QuickRun, _ second: QuickRun, finished: Bool) async throws -> TrainerError? {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            if finished {
                _ = try await first(output, inputs: directory)
            } else {
                try await first.interrupted(after: 3, output, inputs: directory)
            }
            return await #expect(throws: TrainerError.self, "\(second)") { try await second(output, inputs: directory) }
        }
    }

    @Test(arguments: [false, true]) func dataThatHasChangedIsNamed(_ finished: Bool) async throws {
        let run = QuickRun()
        var (other, longer, heldOut) = (run, run, run)
        (other.word, longer.examples, heldOut.heldOutWord) = ("was", 21, "was")
        for (second, name) in [(other, "the data "), (longer, "the data "), (heldOut, "the held-out data ")] {
            let error = try await refusal(run, second, finished: finished)
            #expect(
                error?.message.hasPrefix(name) == true && error?.message.contains(".jsonl has changed since the run in ") == true,
                "\(String(describing: error))")
        }
    }

    @Test(arguments: [false, true]) func otherOptionsInCodeAreNamed(_ finished: Bool) async throws {
        let run = QuickRun()
        var (shorter, further) = (run, run)
        (shorter.sequenceLength, further.steps) = (39, 5)
        for (second, mentioned) in [(shorter, "begun with batches.sequenceLength 40, not 39"), (further, "begun with steps 4, not 5")] {
            let error = try await refusal(run, second, finished: finished)
            #expect(error?.message.contains(mentioned) == true, "\(String(describing: error))")
        }
    }

    @Test func aModelThatHasChangedIsNamed() async throws {
        try await withTemporaryDirectory { directory in
            var run = QuickRun()
            run.model = directory + "/model"
            try FileManager.default.copyItem(atPath: Golden.decoder("qwen2"), toPath: run.model)
            try await run.interrupted(after: 3, directory + "/run", inputs: directory)
            let weights = URL(fileURLWithPath: run.model + "/model.safetensors")
            try (Data(contentsOf: weights).dropLast(400) + Data(repeating: 1, count: 400)).write(to: weights)
            let changed = run
            let error = await #expect(throws: TrainerError.self) { try await changed(directory + "/run", inputs: directory) }
            #expect(error?.message.contains("the model \(run.model) has changed since") == true, "\(String(describing: error))")
        }
    }

    @Test func howOftenItIsSavedMayDifferAndWhereItsDataLies() async throws {
        try await withTemporaryDirectory { directory in
            var run = QuickRun()
            _ = try await run(directory + "/whole", inputs: directory)
            try await run.interrupted(after: 3, directory + "/run", inputs: directory)
            run.saveEvery = nil
            let other = directory + "/elsewhere"
            try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
            guard case .finished = try await run(directory + "/run", inputs: other) else {
                Issue.record("the run did not finish")
                return
            }
            #expect(try lossesOfRun(directory + "/run") == lossesOfRun(directory + "/whole"))
        }
    }

    /// Every property of an options struct stands in `run.json`, but for those that change no result.
    @Test func noOptionIsForgotten() async throws {
        struct Record: Decodable {
            struct Identity: Decodable { var options: [String: String] }
            var identity: Identity
        }
        try await withTemporaryDirectory { directory in
            let options = GRPO.Options(
                steps: 1, problemsPerRollout: 2, rollouts: .init(groupSize: 2, sampling: SamplingOptions(maxTokens: 4)),
                keepsEqualGroups: true)
            let output = RunDirectory(path: directory + "/run")
            let trainer = try await NativeTrainer(
                model: Golden.decoder("llama"), checkpointDirectory: output.checkpoints, chatTemplate: "chatml", threads: 1)
            _ = try await GRPO(
                trainer: trainer, sampler: trainer.sampler, problems: ArithmeticProblems(difficulty: 1), rewards: [.finished],
                tokenizer: trainer.tokenizer(), directory: output, options: options
            ).run()
            let record = try JSONDecoder().decode(Record.self, from: Data(contentsOf: URL(fileURLWithPath: output.path + "/run.json")))
            for options in [options as Any, options.rollouts, options.rollouts.sampling, options.advantages] {
                for name in Mirror(reflecting: options).children.compactMap(\.label) where name != "saveEvery" {
                    #expect(
                        record.identity.options.keys.contains { ".\($0)".contains(".\(name)") }, "\(name) in \(record.identity.options)")
                }
            }
        }
    }
}
