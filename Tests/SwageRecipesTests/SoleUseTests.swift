import Foundation
import Swage
import SwageNative
import SwageRecipes
import Testing
import TestSupport

/// What a run does where its trainer or its folder is not its own alone.
@Suite(.timeLimit(.minutes(30))) struct SoleUseTests {
    @Test func aRestartThatCannotBeginLosesNothing() async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            _ = try await QuickRun()(output, inputs: directory)
            func files() throws -> [String] { try FileManager.default.subpathsOfDirectory(atPath: output).sorted() }
            let before = try files()
            var attempts = [QuickRun(sequenceLength: .max), QuickRun(sequenceLength: 1), QuickRun(), QuickRun(steps: 0)]
            attempts[2].wrapping = { ChangedTrainer(trainer: $0, stepsBefore: 3) }
            for var attempt in attempts {
                attempt.startsOver = true
                await #expect(throws: TrainerError.self) { try await attempt(output, inputs: directory) }
                #expect(try files() == before)
            }
            var anew = QuickRun(learningRate: 1e-2)
            anew.startsOver = true
            guard case .finished = try await anew(output, inputs: directory) else { return #expect(Bool(false), "it has not begun anew") }
        }
    }

    /// An engine of somebody else's may answer anything.
    @Test func anAnswerThatIsNoneIsAnErrorAndNothingOfItIsKept() async throws {
        try await withTemporaryDirectory { directory in
            let answers: [(String, @Sendable (NativeTrainer) -> ChangedTrainer)] = [
                ("asked for logProbs, and has given none", { ChangedTrainer(trainer: $0, afterForward: { _ in ForwardOutputs() }) }),
                (
                    "logProbs of the shape [1]",
                    { ChangedTrainer(trainer: $0, afterForward: { _ in ForwardOutputs(logProbs: Tensor(repeating: 0, shape: [1])) }) }
                ),
                (
                    "\"loss\" is nan",
                    { ChangedTrainer(trainer: $0, afterPass: { ForwardBackwardResult(sum: .nan, denominator: $0.denominator, metrics: $0.metrics) }) }
                ),
            ]
            for (index, (words, wrapping)) in answers.enumerated() {
                var run = QuickRun()
                run.wrapping = wrapping
                let (attempt, output) = (run, "\(directory)/\(index)")
                let error = await #expect(throws: TrainerError.self) { try await attempt(output, inputs: directory) }
                #expect(error?.message.contains(words) == true, "\(String(describing: error))")
                let metrics = (try? String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8)) ?? ""
                #expect(metrics.isEmpty, "\(metrics)")
                guard case .finished = try await QuickRun()(output, inputs: directory) else { return #expect(Bool(false), "it does not go on") }
            }
        }
    }

    @Test func positionsThatTheRunHasNotWrittenStay() async throws {
        try await withTemporaryDirectory { directory in
            let output = directory + "/run"
            try await QuickRun().interrupted(after: 2, output, inputs: directory)
            try "theirs".write(toFile: output + "/data/step-1.json", atomically: true, encoding: .utf8)
            _ = try await QuickRun()(output, inputs: directory)
            #expect(try FileManager.default.contentsOfDirectory(atPath: output + "/data").sorted() == ["step-1.json", "step-2.json", "step-4.json"])
        }
    }

    @Test func anotherOnesGradientsAndStepsAreNoticed() async throws {
        try await withTemporaryDirectory { directory in
            let others: [@Sendable (NativeTrainer, TextTrainBatch) async throws -> Void] = [
                { _ = try await $0.forwardBackward($1, loss: nil) },
                {
                    _ = try await $0.forwardBackward($1, loss: nil)
                    _ = try await $0.optimStep()
                },
            ]
            for (index, other) in others.enumerated() {
                var run = QuickRun()
                run.wrapping = { trainer in ChangedTrainer(trainer: trainer, beforePass: { try await other(trainer, $0) }) }
                let (attempt, output) = (run, "\(directory)/\(index)")
                let error = await #expect(throws: TrainerError.self) { try await attempt(output, inputs: directory) }
                #expect(error?.message.contains("somebody else trains") == true, "\(String(describing: error))")
                for step in 1...2 { #expect(!FileManager.default.fileExists(atPath: "\(output)/checkpoints/step-\(step)")) }
            }
        }
    }
}
