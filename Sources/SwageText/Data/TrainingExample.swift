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
        let label = shape.isText ? nil : try row.takeLabel()
        self = try shape.take(&row, &notes)
        try row.finish(&notes)
        notes.append("read as \(shape.summary)\(label.map { ", and \($0), which is true" } ?? "")")
    }

    /// The example's tokens, and which of them count.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for what the chat format has no place for.
    public func tokenize(with tokenizer: any Tokenizer, learning: LearnedTokens) throws -> TargetedTokens {
        var tokens: TargetedTokens
        if case .roles = learning { try requireRoles() }
        switch self {
        case .chat(let chat):
            tokens = try tokenizer.encode(chat: chat.with(try learning.marked(chat.messages)), addGenerationPrompt: false)
        case .chatCompletion(let prompt, let completion):
            tokens = try tokenizer.encode(prompt: prompt, completion: completion, learning: learning)
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
                expected: "words of the assistant, and a token before them that they follow" + TrainerError.orLeftOut)
        }
        return tokens
    }

    /// What the example comes to in rows of so many positions.
    package func examine(
        with tokenizer: any Tokenizer, learning: LearnedTokens, sequenceLength: Int
    ) throws -> Examination<TargetedTokens> {
        Examination(try tokenize(with: tokenizer, learning: learning), limit: sequenceLength + 1)
    }

    private func requireRoles() throws {
        switch self {
        case .chat, .chatCompletion: return
        case .completion, .text:
            throw TrainerError(
                .invalidData, "the row is a text, in which no role speaks", expected: "a conversation, or --loss-on assistant, last or all")
        }
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
    /// A conversation in which a model learns what follows the prompt, and of the prompt nothing but what is asked for by its role.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for what the chat format has no place for.
    package func encode(prompt: Chat, completion: [ChatMessage], learning: LearnedTokens = .assistant) throws -> TargetedTokens {
        let marked =
            if case .roles = learning { try learning.marked(prompt.messages + completion) } else {
                prompt.messages.map(\.unlearned) + (try learning.marked(completion))
            }
        return try encode(chat: prompt.with(marked), addGenerationPrompt: false)
    }
}
