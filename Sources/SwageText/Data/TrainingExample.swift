public import Foundation
public import Swage

/// One line of training data, in one of the forms that trainers commonly read.
public enum TrainingExample: JSONLineDecodable, Equatable {
    /// `{"messages": [{"role": …, "content": …}, …]}`
    case chat([ChatMessage])
    /// `{"prompt": [messages], "completion": [messages]}`, of which the completion is learned.
    case chatCompletion(prompt: [ChatMessage], completion: [ChatMessage])
    /// `{"prompt": …, "completion": …}`
    case completion(prompt: String, completion: String)
    /// `{"text": …}`
    case text(String)

    public init(json: Data, notes: inout [String]) throws {
        var row = try ExampleRow(json: json)
        switch (row.take("messages"), row.take("prompt"), row.take("completion"), row.take("text")) {
        case (let messages?, nil, nil, nil):
            self = .chat(try messages.messages("messages", &notes))
        case (let messages?, let prompt?, nil, nil):
            // What is asked is named beside the conversation in UltraChat and its kin.
            let messages = try messages.messages("messages", &notes)
            guard let asked = messages.first(where: { $0.role == "user" })?.content, asked == prompt.text else {
                throw TrainerError(
                    .invalidData, "the line has \"messages\" and \"prompt\", which is not what the user says first in them",
                    expected: "either of them")
            }
            self = .chat(messages)
        case (nil, let prompt?, let completion?, nil):
            self = try Self.completion(prompt, completion, &notes)
        case (nil, nil, nil, let text?):
            guard let text = text.text else {
                throw TrainerError(.invalidData, "\"text\" is \(text.summary)", expected: "a text")
            }
            self = .text(text)
        default:
            throw TrainerError(
                .invalidData, "the line has \(row.listedKeys)",
                expected: "either \"messages\", or \"prompt\" and \"completion\", or \"text\"")
        }
        try row.finish(&notes)
    }

    private static func completion(_ prompt: JSONValue, _ completion: JSONValue, _ notes: inout [String]) throws -> Self {
        if let prompt = prompt.text, let completion = completion.text { return .completion(prompt: prompt, completion: completion) }
        guard prompt.list != nil, completion.list != nil else {
            throw TrainerError(
                .invalidData, "\"prompt\" is \(prompt.summary) and \"completion\" is \(completion.summary)",
                expected: "two texts, or two lists of messages")
        }
        let asked = try prompt.messages("prompt", &notes)
        let answered = try completion.messages("completion", &notes)
        guard answered[0].role == "assistant" else {
            throw TrainerError(.invalidData, "\"completion\" begins with the \(answered[0].role)", expected: "the assistant")
        }
        return .chatCompletion(prompt: asked, completion: answered)
    }

    /// The example's tokens, and which of them count.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for what the chat format has no place for.
    public func tokenize(with tokenizer: any Tokenizer, learning: LearnedTokens) throws -> TargetedTokens {
        var tokens: TargetedTokens
        switch self {
        case .chat(let messages):
            try Self.check(messages, learning)
            tokens = try tokenizer.encode(chat: messages, addGenerationPrompt: false)
        case .chatCompletion(let prompt, let completion):
            try Self.check(prompt + completion, learning)
            tokens = try tokenizer.encode(prompt: prompt, completion: completion)
        case .completion(let prompt, let completion):
            tokens = try tokenizer.encode(prompt: prompt, completion: completion)
        case .text(let text):
            tokens = try tokenizer.encode(prompt: "", completion: text)
        }
        if learning == .all { tokens.isTarget = tokens.ids.map { _ in true } }
        return tokens
    }

    private static func check(_ messages: [ChatMessage], _ learning: LearnedTokens) throws {
        guard learning == .all, let message = messages.first(where: { $0.weight == 0 }) else { return }
        throw TrainerError(
            .invalidData, "a message of the \(message.role) has the weight 0, and all tokens are to be learned",
            expected: "the assistant's tokens alone to be learned, or no weights of 0")
    }
}

extension Tokenizer {
    /// A conversation in which a model learns what follows the prompt, and nothing of the prompt.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if the chat format writes the prompt differently when it is
    ///   asked for an answer.
    package func encode(prompt: [ChatMessage], completion: [ChatMessage]) throws -> TargetedTokens {
        var tokens = try encode(chat: prompt + completion, addGenerationPrompt: false)
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

/// Which tokens of an example the loss counts.
public enum LearnedTokens: String, Sendable, CaseIterable, Codable {
    /// The assistant's turns with the tokens that end them, completions, and all of a plain text.
    case assistant
    /// Every token but the first.
    case all
}
