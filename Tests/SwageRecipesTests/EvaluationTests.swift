import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageText
import Synchronization
import Testing
import TestSupport

@Suite struct EvaluationTests {
    private struct Numbers: ProblemSource {
        var first = 0

        func problem(_ number: Int) -> Problem {
            Problem(messages: [ChatMessage(role: "user", content: "Say \(first + number)")], answer: "\(number)")
        }
    }

    private let trainer: NativeTrainer

    init() async throws { trainer = try await NativeTrainer(model: Golden.decoder("llama"), chatTemplate: "chatml", threads: 2) }

    private func losses(_ directory: String, word: String = "word", rows: Int = 2, length: Int = 120) async throws -> Evaluation {
        let path = directory + "/data.jsonl"
        let lines = (0..<30).map { index in
            let text = String(repeating: "\(word) \(index) ", count: 1 + index % 9)
            return #"{"text": "\#(text)"}"#
        }
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return try Evaluation(
            Examples<TrainingExample>(path: path), tokenizer: try await trainer.tokenizer(), rows: rows, sequenceLength: length)
    }

    /// Twenty problems, three answers each, four problems at a time.
    private func answers(_ problems: Numbers = Numbers(), score: @escaping @Sendable () -> Void = {}) async throws -> AccuracyEvaluation {
        let isEven = Reward("even") { conversation in
            score()
            return conversation.reply.unicodeScalars.count.isMultiple(of: 2) ? 1 : 0
        }
        return try AccuracyEvaluation(
            trainer.sampler, tokenizer: try await trainer.tokenizer(), problems: problems, count: 20, verifier: isEven,
            samples: 3, options: .init(sampling: SamplingOptions(maxTokens: 6, seed: 4, concurrency: 6)))
    }

    @Test func theLossDoesNotDependOnTheBatchSize() async throws {
        try await withTemporaryDirectory { directory in
            var results: [Evaluation.Result] = []
            for (rows, length) in [(1, 120), (4, 120), (3, 400)] {
                results.append(try await losses(directory, rows: rows, length: length).run(trainer))
            }
            for result in results {
                #expect(result.tokens == results[0].tokens && result.examples == 30)
                #expect(abs(result.loss - results[0].loss) < 1e-5, "\(result.loss), not \(results[0].loss)")
            }
        }
    }

    @Test func aResultCountsTheTokensOfItsReport() async throws {
        try await withTemporaryDirectory { directory in
            let evaluation = try await losses(directory, length: 40)
            let (report, result) = (evaluation.report, try await evaluation.run(trainer))
            #expect(report.targets == result.tokens && report.used == result.examples && report.cut > 0, "\(report), \(result)")
        }
    }

    @Test func aModelThatIsBrokenIsAnErrorAndNoLoss() async throws {
        try await withTemporaryDirectory { directory in
            let model = directory + "/model"
            try FileManager.default.copyItem(atPath: Golden.decoder("llama"), toPath: model)
            let weights = URL(fileURLWithPath: model + "/model.safetensors")
            // The last tensor ends with the largest numbers that there are: what they are multiplied with overflows.
            let largest = [Float](repeating: .greatestFiniteMagnitude, count: 4).withUnsafeBytes { Data($0) }
            try (Data(contentsOf: weights).dropLast(largest.count) + largest).write(to: weights)
            let broken = try await NativeTrainer(model: model, chatTemplate: "chatml", threads: 2)
            let evaluation = try await losses(directory)
            let error = await #expect(throws: TrainerError.self) { try await evaluation.run(broken, record: directory + "/losses") }
            #expect(error?.code == .nonFinite, "\(String(describing: error))")
            #expect(try Data(contentsOf: URL(fileURLWithPath: directory + "/losses")).isEmpty)
        }
    }

    @Test func aLossThatWasInterruptedGoesOnWithTheSameResult() async throws {
        try await withTemporaryDirectory { directory in
            let evaluation = try await losses(directory)
            let whole = try await evaluation.run(trainer, record: directory + "/whole")
            await #expect(throws: CancellationError.self) {
                try await evaluation.run(trainer, record: directory + "/broken") { if $0 > 0.4 { cancelThisTask() } }
            }
            let first = Mutex<Double?>(nil)
            let result = try await evaluation.run(trainer, record: directory + "/broken") { done in
                first.withLock { $0 = $0 ?? done }
            }
            let begun = first.withLock { $0 } ?? 0
            #expect(begun > 0.4 && begun < 1, "the second run began at \(begun)")
            #expect(result == whole, "\(result) and \(whole)")
            #expect(FileManager.default.contentsEqual(atPath: directory + "/broken", andPath: directory + "/whole"))
        }
    }

    @Test func answersThatWereInterruptedGoOnAndNoneIsAskedForTwice() async throws {
        try await withTemporaryDirectory { directory in
            let whole = try await answers().run(record: directory + "/whole")
            let scored = Mutex(0)
            let evaluation = try await answers { scored.withLock { $0 += 1 } }
            let task = Task {
                try await evaluation.run(record: directory + "/broken") { if $0 >= 0.5 { cancelThisTask() } }
            }
            await #expect(throws: CancellationError.self) { try await task.value }
            let before = scored.withLock { $0 }
            let result = try await evaluation.run(record: directory + "/broken")
            let after = scored.withLock { $0 }
            #expect(before == 36 && after == 60, "\(before) answers were scored before the interrupt, \(after) in all")
            #expect(result == whole, "\(result) and \(whole)")
            #expect(FileManager.default.contentsEqual(atPath: directory + "/broken", andPath: directory + "/whole"))
        }
    }

    @Test func aRecordCutOffAnywhereIsCompletedToTheSame() async throws {
        try await withTemporaryDirectory { directory in
            let record = directory + "/record"
            let whole = try await answers().run(record: record)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: record))
            var random = SeededGenerator(seed: 3)
            for _ in 0..<8 {
                let cut = Int.random(in: 0..<bytes.count, using: &random)
                try bytes.prefix(cut).write(to: URL(fileURLWithPath: record))
                #expect(try await answers().run(record: record) == whole, "cut after \(cut) bytes")
                #expect(try Data(contentsOf: URL(fileURLWithPath: record)) == bytes, "cut after \(cut) bytes")
            }
        }
    }

    @Test func aRecordHoldsEveryAnswerWithItsScore() async throws {
        try await withTemporaryDirectory { directory in
            let accuracy = try await answers().run(record: directory + "/record")
            let lines = try String(contentsOfFile: directory + "/record", encoding: .utf8).split(separator: "\n")
            let problems = try lines.map { try JSONDecoder().decode(AnsweredProblem.self, from: Data($0.utf8)) }
            #expect(problems.map(\.problem) == (0..<20).map(Numbers().problem))
            #expect(problems.allSatisfy { $0.answers.count == 3 && $0.answers.allSatisfy { $0.messages.count == 1 } })
            #expect(problems.map { $0.answers.count { $0.scores["even"] == 1 } } == accuracy.right)
        }
    }

    @Test func aRecordOfOtherDataIsAnErrorAndStaysAsItIs() async throws {
        try await withTemporaryDirectory { directory in
            _ = try await losses(directory).run(trainer, record: directory + "/losses")
            _ = try await answers().run(record: directory + "/answers")
            let before = try ["losses", "answers"].map { try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\($0)")) }
            let others: [@Sendable () async throws -> Void] = [
                { _ = try await losses(directory, word: "other words").run(trainer, record: directory + "/losses") },
                { _ = try await answers(Numbers(first: 1)).run(record: directory + "/answers") },
            ]
            for other in others {
                let error = await #expect(throws: TrainerError.self) { try await other() }
                #expect(error?.code == .checkpointMismatch && error?.message.contains("line 1") == true, "\(String(describing: error))")
            }
            let after = try ["losses", "answers"].map { try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\($0)")) }
            #expect(before == after)
        }
    }

    @Test func aFileOfSomebodyElsesIsAnErrorAndStaysAsItIs() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/answers.jsonl"
            let text = #"{"question": 1}"# + "\n" + #"{"question": 2}"#
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let error = await #expect(throws: TrainerError.self) { try await answers().run(record: path) }
            #expect(error?.code == .corruptFile && error?.message.contains("answers.jsonl, line 1") == true, "\(String(describing: error))")
            #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        }
    }

    @Test func aRecordThatCannotBeReadIsAnError() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/answers.jsonl"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let error = await #expect(throws: TrainerError.self) { try await answers().run(record: path) }
            #expect(error?.message == "\(path) is a folder", "\(String(describing: error))")
        }
    }
}
