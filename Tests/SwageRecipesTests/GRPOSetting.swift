import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageText
import Synchronization
import Testing
import TestSupport

/// A small run of GRPO, as tests change it.
struct GRPOSetting {
    /// Problems that differ in nothing that matters.
    struct Numbers: ProblemSource {
        func problem(_ number: Int) -> Problem {
            Problem(messages: [ChatMessage(role: "user", content: "Say \(number % 9)")], answer: "\(number % 9)")
        }
    }

    /// How many of a reply's characters are of the first half of ASCII's letters: something that can be learned at once.
    static let early = Reward("early") { conversation in
        let letters = conversation.reply.unicodeScalars.filter { $0.properties.isAlphabetic }
        return Double(letters.count { $0.value % 2 == 0 }) / Double(max(letters.count, 1))
    }

    var steps = 6
    var options = GRPO.Options(steps: 6, problemsPerRollout: 3, microbatch: 4, heldOutProblems: 4, saveEvery: 2)
    var loss = LossFunction.grpo()
    var rewards = [early]
    var samplesApart = false
    var environment: (@Sendable (Problem) -> any Environment)?
    var watches: @Sendable (RolloutBatch, [[Conversation]]) -> Void = { _, _ in }
    var observe: @Sendable (GRPO.Event) -> Void = { _ in }

    init(group: Int = 4, tokens: Int = 8, failures: FailurePolicy = .stop) {
        options.rollouts = .init(
            groupSize: group, sampling: SamplingOptions(maxTokens: tokens, seed: 3), failures: failures)
    }

    /// Runs it in a folder, or goes on with it.
    func run(in directory: String) async throws -> GRPO.Outcome {
        let output = RunDirectory(path: directory)
        let model = Golden.decoder("llama")
        let trainer = try await NativeTrainer(
            model: model, optimizer: OptimizerOptions(learningRate: 3e-3), checkpointDirectory: output.checkpoints,
            keptCheckpoints: 2, chatTemplate: "chatml", threads: 2)
        var sampler = trainer.sampler
        if samplesApart { sampler = try await NativeSampler(model: model, chatTemplate: "chatml", threads: 2) }
        let reference =
            loss.program.fieldsRead.keys.contains("referenceLogProbs")
            ? try await NativeTrainer(model: model, chatTemplate: "chatml", threads: 2) : nil
        var options = self.options
        options.steps = steps
        if environment != nil { options.rollouts.maxTurns = 3 }
        return try await GRPO(
            trainer: trainer, sampler: sampler, reference: reference, loss: loss, problems: Numbers(),
            heldOut: Numbers(), rewards: rewards, environment: environment,
            tokenizer: try await trainer.tokenizer(), directory: output, settings: ["steps": "\(steps)"],
            options: options, observeRollout: watches, observe: observe
        ).run()
    }

    struct Line: Decodable, Equatable {
        var step: Int
        var loss: Double
        var gradientNorm: Double
        var metrics: [String: Double]

        static func == (a: Line, b: Line) -> Bool {
            func told(_ line: Line) -> [String: Double] {
                line.metrics.filter { !$0.key.contains("second") }
            }
            return (a.step, a.loss, a.gradientNorm) == (b.step, b.loss, b.gradientNorm) && told(a) == told(b)
        }
    }

    /// The steps of the run in a folder.
    static func curve(_ directory: String) throws -> [Line] {
        try String(contentsOfFile: directory + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }
}
