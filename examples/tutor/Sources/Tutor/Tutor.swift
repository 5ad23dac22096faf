import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageText

/// Lets a model learn how a product answers, and answer so.
public struct Tutor: Sendable {
    let trainer: any Trainer
    let sampler: any Sampler
    let tokenizer: any Tokenizer

    /// Trains in this process.
    public init(model: URL, checkpoints: URL, chatTemplate: String? = nil) async throws {
        let trainer = try await NativeTrainer(
            model: model, optimizer: OptimizerOptions(learningRate: 1e-3), checkpointDirectory: checkpoints, chatTemplate: chatTemplate)
        (self.trainer, sampler, tokenizer) = (trainer, trainer.sampler, try await trainer.tokenizer())
    }

    init(trainer: any Trainer, sampler: any Sampler) async throws {
        (self.trainer, self.sampler, tokenizer) = (trainer, sampler, try await trainer.tokenizer())
    }

    /// One step on all conversations.
    /// - Returns: the loss before it.
    public func learn(_ chats: [[ChatMessage]]) async throws -> Double {
        let batch = try TextTrainBatch(chats: chats, tokenizer: tokenizer)
        let result = try await trainer.forwardBackward(batch)
        _ = try await trainer.optimStep()
        return result.loss
    }

    /// A whole run: shuffled, saved, resumed after an interrupt, exported.
    public func study(_ chats: [[ChatMessage]], steps: Int, in folder: URL) async throws -> SupervisedFineTuning.Outcome {
        try await SupervisedFineTuning(
            trainer: trainer, training: Examples(chats.map { TrainingExample.chat(Chat($0)) }, name: "the product's answers"),
            directory: RunDirectory(url: folder), options: .init(steps: steps, batches: .init(rows: 2, sequenceLength: 128))
        ).run()
    }

    /// The answer to a question, as it is written.
    public func answer(_ question: String, options: SamplingOptions = .greedy()) throws -> AsyncThrowingStream<String, any Error> {
        try sampler.reply(to: [ChatMessage(role: "user", content: question)], tokenizer: tokenizer, options: options)
    }
}
