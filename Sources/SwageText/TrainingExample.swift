import Foundation
import Swage

/// One line of training data, in one of the forms that trainers commonly read.
public enum TrainingExample: JSONLineDecodable, Equatable {
    /// `{"messages": [{"role": …, "content": …}, …]}`
    case chat([ChatMessage])
    /// `{"prompt": …, "completion": …}`
    case completion(prompt: String, completion: String)
    /// `{"text": …}`
    case text(String)

    /// Reads one line of JSON.
    /// - Throws: ``TrainerError`` with code `invalidData`, saying what is wrong with the line.
    public init(json: Data) throws {
        let line = try Line(JSONValue(json: json))
        switch (line.messages, line.prompt, line.completion, line.text) {
        case (let messages?, nil, nil, nil):
            guard !messages.isEmpty else {
                throw TrainerError(.invalidData, "\"messages\" is empty", expected: "at least one message")
            }
            self = .chat(messages)
        case (nil, let prompt?, let completion?, nil):
            self = .completion(prompt: prompt, completion: completion)
        case (nil, nil, nil, let text?):
            self = .text(text)
        default:
            throw TrainerError(
                .invalidData, "the line has the keys \(line.keys)",
                expected: "either \"messages\", or \"prompt\" and \"completion\", or \"text\"")
        }
    }

    private struct Line {
        var messages: [ChatMessage]?
        var prompt: String?
        var completion: String?
        var text: String?

        init(_ value: JSONValue) throws {
            guard value.object != nil else {
                throw TrainerError(.invalidData, "the line is \(value.summary)", expected: "an object in braces")
            }
            messages = try value["messages"].map(Self.messages)
            prompt = try Self.text(value, "prompt")
            completion = try Self.text(value, "completion")
            text = try Self.text(value, "text")
        }

        private static func messages(_ value: JSONValue) throws -> [ChatMessage] {
            guard let list = value.list else {
                throw TrainerError(.invalidData, "\"messages\" is \(value.summary)", expected: "a list of messages")
            }
            return try list.enumerated().map { index, message in
                guard let role = try text(message, "role", in: "messages[\(index)]."),
                    let content = try text(message, "content", in: "messages[\(index)].")
                else {
                    throw TrainerError(.invalidData, "\"messages[\(index)]\" has no role or no content", expected: "both as texts")
                }
                return ChatMessage(role: role, content: content)
            }
        }

        private static func text(_ value: JSONValue, _ key: String, in place: String = "") throws -> String? {
            guard let found = value[key] else { return nil }
            guard let text = found.text else {
                throw TrainerError(.invalidData, "\"\(place)\(key)\" is \(found.summary)", expected: "a text")
            }
            return text
        }

        var keys: [String] {
            [
                messages.map { _ in "messages" }, prompt.map { _ in "prompt" },
                completion.map { _ in "completion" }, text.map { _ in "text" },
            ].compactMap { $0 }
        }
    }

    /// The example's tokens, and which of them count.
    public func tokenize(with tokenizer: any Tokenizer, learning: LearnedTokens) throws -> TargetedTokens {
        var tokens =
            switch self {
            case .chat(let messages): try tokenizer.encode(chat: messages, addGenerationPrompt: false)
            case .completion(let prompt, let completion):
                try tokenizer.encode(prompt: prompt, completion: completion)
            case .text(let text): try tokenizer.encode(prompt: "", completion: text)
            }
        if learning == .all { tokens.isTarget = tokens.ids.map { _ in true } }
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
