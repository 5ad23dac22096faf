import Foundation
import Swage
import SwageNative
import Testing
import TestSupport
import TutorialLoops

/// The tutorial's loops do what they say.
@Suite struct LoopTests {
    private func trainer(_ learningRate: Double) async throws -> NativeTrainer {
        try await NativeTrainer(
            model: Golden.decoder("llama"), optimizer: OptimizerOptions(learningRate: learningRate), chatTemplate: "chatml",
            threads: 2)
    }

    private static let conversations = (0..<8).map { index in
        [ChatMessage(role: "user", content: "Count \(index)"), ChatMessage(role: "assistant", content: "\(index) is a number")]
    }

    @Test func fineTuningLowersTheLossAndEvaluationSeesIt() async throws {
        let trainer = try await trainer(3e-3)
        func perplexity() async throws -> Double {
            try await evaluate(
                trainer: trainer, sampler: trainer.sampler, conversations: Self.conversations,
                questions: [("Count 1", "number")]
            ).perplexity
        }
        let before = try await perplexity()
        let losses = try await sft(trainer: trainer, conversations: Self.conversations, steps: 20)
        #expect(losses.last! < losses[0] - 0.5, "\(losses)")
        let after = try await perplexity()
        #expect(after < before / 1.5, "\(after), before \(before)")
    }

    @Test func preferencesRaiseTheMargin() async throws {
        let preferences = (0..<6).map { Preference(question: "Count \($0)", chosen: "good \($0)", rejected: "bad") }
        let margins = try await dpo(trainer: try await trainer(1e-3), preferences: preferences, steps: 12)
        #expect(abs(margins[0]) < 1e-5 && margins.suffix(3).allSatisfy { $0 > 0.1 }, "\(margins)")
    }

    @Test func rewardsRise() async throws {
        let trainer = try await trainer(3e-3)
        let rewards = try await grpo(
            trainer: trainer, sampler: trainer.sampler, questions: ["Say a", "Say b", "Say c", "Say d"], steps: 25, maxTokens: 8
        ) { _, answer in
            let letters = answer.unicodeScalars.filter { $0.properties.isAlphabetic }
            return Double(letters.count { $0.value % 2 == 0 }) / Double(max(letters.count, 1))
        }
        let (first, last) = (rewards.prefix(4).reduce(0, +) / 4, rewards.suffix(4).reduce(0, +) / 4)
        #expect(last > first + 0.2, "the reward went from \(first) to \(last)")
    }

    @Test func eachIsShortEnoughToBeRead() throws {
        let folder = Golden.repository + "/examples/loops"
        for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let lines = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8).split(separator: "\n").count
            #expect(lines < 200, "\(file) has \(lines) lines")
        }
    }
}
