public import Foundation
public import Swage

/// One line of training data, in one of the forms that trainers commonly read.
public enum TrainingExample: JSONLineDecodable, Equatable {
    /// `{"messages": [{"role": …, "content": …}, …]}`, with `tools`, `documents` and `chat_template_kwargs` beside them; ShareGPT's
    /// `{"conversations": [{"from": …, "value": …}, …]}`; and Alpaca's `{"instruction": …, "input": …, "output": …}`.
    case chat(Chat)
    /// `{"prompt": [messages], "completion": [messages]}`, of which the completion is learned.
    case chatCompletion(prompt: Chat, completion: [ChatMessage])
    /// `{"prompt": …, "completion": …}`
    case completion(prompt: String, completion: String)
    /// `{"text": …}`
    case text(String)

    public init(json: Data, notes: inout [String]) throws {
        var row = try ExampleRow(json: json)
        let shape = try RowShape(of: row)
        let label = try row.takeLabel()
        self = try shape.take(&row, &notes)
        try row.finish(&notes)
        notes.append("read as \(shape.summary)\(label.map { ", and \($0), which is true" } ?? "")")
    }

    /// The example's tokens, and which of them count.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for what the chat format has no place for.
    public func tokenize(with tokenizer: any Tokenizer, learning: LearnedTokens) throws -> TargetedTokens {
        var tokens: TargetedTokens
        switch self {
        case .chat(let chat):
            tokens = try tokenizer.encode(chat: chat.with(try learning.marked(chat.messages)), addGenerationPrompt: false)
        case .chatCompletion(let prompt, let completion):
            tokens = try tokenizer.encode(prompt: prompt, completion: try learning.marked(completion))
        case .completion(let prompt, let completion):
            tokens = try tokenizer.encode(prompt: prompt, completion: completion)
        case .text(let text):
            tokens = try tokenizer.encode(prompt: "", completion: text)
        }
        if learning == .all {
            tokens.isTarget = tokens.ids.map { _ in true }
        } else if hasPrompt, !tokens.isTarget.contains(false) {
            throw TrainerError(
                .invalidData, "all of it would be learned, what the model is asked too", expected: "a chat template that tells both apart")
        }
        guard tokens.hasTarget else {
            throw TrainerError(
                .invalidData, "nothing of it would be learned\(tokens.notes.first.map { ": \($0)" } ?? "")",
                expected: "words of the assistant" + TrainerError.orLeftOut)
        }
        return tokens
    }

    /// What the example comes to in rows of so many positions.
    package func examine(
        with tokenizer: any Tokenizer, learning: LearnedTokens, sequenceLength: Int
    ) throws -> Examination<TargetedTokens> {
        Examination(try tokenize(with: tokenizer, learning: learning), limit: sequenceLength + 1)
    }

    /// Whether there are words that a model reads and does not write.
    private var hasPrompt: Bool {
        switch self {
        case .chat(let chat): chat.messages.contains { $0.role != "assistant" && !$0.content.isEmpty }
        case .chatCompletion: true
        case .completion(let prompt, _): !prompt.isEmpty
        case .text: false
        }
    }
}

extension Tokenizer {
    /// A conversation in which a model learns what follows the prompt, and nothing of the prompt.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if the chat format writes the prompt differently when it is
    ///   asked for an answer.
    package func encode(prompt: Chat, completion: [ChatMessage]) throws -> TargetedTokens {
        var tokens = try encode(chat: prompt.with(prompt.messages + completion), addGenerationPrompt: false)
        let asked = try encode(chat: prompt, addGenerationPrompt: true).ids
        guard tokens.ids.starts(with: asked) else {
            throw TrainerError(
                .invalidData, "the chat format writes the prompt differently once there is an answer",
                expected: "a prompt that ends with a message of the user")
        }
        for index in asked.indices { tokens.isTarget[index] = false }
        return tokens
    }
}
