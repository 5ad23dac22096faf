import Foundation
import Swage

extension ChatTemplate {
    /// The conversation's text in segments; those of the assistant, its end-of-turn token included, are its to write.
    /// - Throws: ``TrainerError`` with code `invalidData` for what the format has no place for.
    func render(_ messages: [ChatMessage], addGenerationPrompt: Bool) throws -> [TextSegment] {
        guard !messages.isEmpty else {
            throw TrainerError(.invalidData, "a conversation has no messages", expected: "one or more")
        }
        for (index, message) in messages.enumerated() { try check(message, index) }
        switch self {
        case .chatML(let defaultSystem):
            return renderChatML(
                withDefaultSystem(defaultSystem, messages), addGenerationPrompt: addGenerationPrompt)
        case .qwen3:
            return renderChatML(try withQwen3Thoughts(messages), addGenerationPrompt: addGenerationPrompt)
        case .llama3(let date):
            let trimmed = messages.map { with($0, content: $0.content.trimmed(\.isPythonWhitespace)) }
            return renderLlama3(withLlama3System(date, trimmed), addGenerationPrompt: addGenerationPrompt)
        }
    }

    private func check(_ message: ChatMessage, _ index: Int) throws {
        guard ["system", "user", "assistant"].contains(message.role) else {
            throw TrainerError(
                .invalidData, "message \(index + 1) has the role \"\(message.role)\"", expected: "system, user or assistant")
        }
        guard message.reasoningContent == nil || (self == .qwen3 && message.role == "assistant") else {
            throw TrainerError(
                .invalidData,
                "message \(index + 1) has \"reasoning_content\", for which \(message.role == "assistant" ? "the model's chat format (\(summary))" : "the role \(message.role)") has no place",
                expected: "thoughts in a format that has one, or within \"content\"")
        }
        guard [nil, 0, 1].contains(message.weight) else {
            throw TrainerError(.invalidData, "message \(index + 1) has the weight \(message.weight!)", expected: "0 or 1")
        }
    }

    /// What a message is, with another content.
    private func with(_ message: ChatMessage, content: String) -> ChatMessage {
        ChatMessage(role: message.role, content: content, weight: message.weight)
    }

    private func body(_ message: ChatMessage, end: String) -> TextSegment {
        let isWritten = message.role == "assistant"
        return TextSegment(text: message.content + end, isWritten: isWritten, isTarget: isWritten && message.weight != 0)
    }

    private func renderChatML(_ messages: [ChatMessage], addGenerationPrompt: Bool) -> [TextSegment] {
        var segments = messages.flatMap { message in
            [
                TextSegment(text: "<|im_start|>\(message.role)\n"), body(message, end: "<|im_end|>"),
                TextSegment(text: "\n"),
            ]
        }
        if addGenerationPrompt { segments.append(TextSegment(text: "<|im_start|>assistant\n")) }
        return segments
    }

    private func withDefaultSystem(_ system: String?, _ messages: [ChatMessage]) -> [ChatMessage] {
        guard let system, messages[0].role != "system" else { return messages }
        return [ChatMessage(role: "system", content: system)] + messages
    }

    /// Makes sure that what precedes each of the assistant's messages is the prompt that it would be written after.
    ///
    /// Qwen 3's format writes a thought, if only an empty one, into the last message of a prompt, and leaves it out once a
    /// question follows: of two messages of the assistant in a row, the second has no prompt that could be learned from.
    /// - Throws: ``TrainerError`` with code `invalidData`.
    func checkTurns(of messages: [ChatMessage]) throws {
        guard self == .qwen3 else { return }
        let lastQuestion = messages.lastIndex { $0.role == "user" && !$0.content.isToolResponse } ?? messages.count - 1
        for index in messages.indices.dropLast() where messages[index].role == "assistant" && messages[index + 1].role == "assistant" {
            guard index > lastQuestion, !messages[index].thoughtAndAnswer.thought.isEmpty else {
                throw TrainerError(
                    .invalidData, "message \(index + 2) is the assistant's, as is the one before it, whose thought the format leaves out",
                    expected: "a message of the user between them")
            }
        }
    }

    /// Thoughts stand only after the last question: in the last message, and in those before it that have any.
    private func withQwen3Thoughts(_ messages: [ChatMessage]) throws -> [ChatMessage] {
        let lastQuestion = messages.lastIndex { $0.role == "user" && !$0.content.isToolResponse } ?? messages.count - 1
        return try messages.enumerated().map { index, message in
            guard message.role == "assistant" else { return message }
            let (thought, answer) = message.thoughtAndAnswer
            let isLast = index == messages.count - 1
            guard index > lastQuestion, isLast || !thought.isEmpty else {
                // Where it was the last, in the prompt of what follows, it began with an empty thought.
                guard index <= lastQuestion || messages[index + 1].role != "assistant" else {
                    throw TrainerError(
                        .invalidData, "message \(index + 2) is the assistant's, as is the one before it, which has no thought",
                        expected: "a message of the user between them, or thoughts")
                }
                return with(message, content: answer)
            }
            let content = "<think>\n\(thought.trimmed(\.isLineFeed))\n</think>\n\n\(answer.trimmedAtStart(\.isLineFeed))"
            return with(message, content: content)
        }
    }

    private func renderLlama3(_ messages: [ChatMessage], addGenerationPrompt: Bool) -> [TextSegment] {
        func header(_ role: String) -> TextSegment {
            TextSegment(text: "<|start_header_id|>\(role)<|end_header_id|>\n\n")
        }
        var segments = [TextSegment(text: Self.llama3Beginning)]
        for message in messages { segments += [header(message.role), body(message, end: "<|eot_id|>")] }
        if addGenerationPrompt { segments.append(header("assistant")) }
        return segments
    }

    private func withLlama3System(_ date: Date?, _ messages: [ChatMessage]) -> [ChatMessage] {
        guard let date else { return messages }
        let today =
            switch date {
            case .fixed(let day), .begun(let day): day
            case .today: Self.today
            }
        let hasSystem = messages[0].role == "system"
        let system = hasSystem ? messages[0].content : ""
        let dated = "Cutting Knowledge Date: December 2023\nToday Date: \(today)\n\n\(system)"
        return [ChatMessage(role: "system", content: dated)] + messages.dropFirst(hasSystem ? 1 : 0)
    }

    /// Today, as Llama's templates write it: `26 Jul 2024`.
    static var today: String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "dd MMM yyyy"
        return formatter.string(from: Foundation.Date())
    }
}

extension ChatMessage {
    /// What Qwen 3's template takes for the thought and for the answer of an assistant's message.
    fileprivate var thoughtAndAnswer: (thought: String, answer: String) {
        if let reasoningContent { return (reasoningContent, content) }
        let parts = content.parts(between: "</think>")
        guard parts.count > 1 else { return ("", content) }
        let thought = parts[0].trimmedAtEnd(\.isLineFeed).parts(between: "<think>").last!.trimmedAtStart(\.isLineFeed)
        return (thought, parts.last!.trimmedAtStart(\.isLineFeed))
    }
}

extension String {
    /// Whether it is the result of a tool, which is no question.
    fileprivate var isToolResponse: Bool {
        utf8.starts(with: "<tool_response>".utf8) && utf8.reversed().starts(with: "</tool_response>".utf8.reversed())
    }
}
