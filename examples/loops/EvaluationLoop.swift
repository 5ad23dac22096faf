import Foundation
import Swage

/// Measures on any engine how likely a model finds conversations, and how often it answers a question rightly.
///
/// `swage evaluate` does the same with confidence intervals and pass@k.
public func evaluate(
    trainer: any Trainer, sampler: any Sampler, conversations: [[ChatMessage]], questions: [(question: String, answer: String)],
    maxTokens: Int = 32
) async throws -> (perplexity: Double, accuracy: Double) {
    let tokenizer = try await trainer.tokenizer()

    // The mean is taken over tokens, not over conversations.
    var (sum, count) = (0.0, 0)
    for conversation in conversations {
        let tokens = try tokenizer.encode(chat: conversation, addGenerationPrompt: false)
        let batch = TextTrainBatch(
            inputIDs: try Tensor(rows: [Array(tokens.ids.dropLast())]),
            targetIDs: try Tensor(rows: [Array(tokens.ids.dropFirst())]),
            targetMask: try Tensor(rows: [tokens.isTarget.dropFirst().map { $0 ? 1 : 0 }]))
        let outputs = try await trainer.forward(ForwardInputs(logProbsOf: batch))
        sum -= outputs.logProbs?.scalars.reduce(0) { $0 + Double($1) } ?? 0
        count += batch.targetCount
    }

    let prompts = try questions.map { question in
        try tokenizer.encode(chat: [ChatMessage(role: "user", content: question.question)], addGenerationPrompt: true).ids
    }
    let answers = try await sampler.generate(prompts, options: .greedy(maxTokens: maxTokens))
    let right = try zip(answers, questions).count { completion, question in
        try tokenizer.decode(completion.tokens, skipSpecialTokens: true).contains(question.answer)
    }
    return (exp(sum / Double(max(count, 1))), Double(right) / Double(max(questions.count, 1)))
}
