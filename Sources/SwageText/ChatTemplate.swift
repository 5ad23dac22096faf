import Foundation
import Swage

/// A chat format that this library renders itself, recognised from a model's Jinja template.
///
/// Only templates whose text is known to come out exactly are recognised; another one is an error, not a guess.
enum ChatTemplate: Sendable, Equatable {
    /// `<|im_start|>role … <|im_end|>`: SmolLM2, Qwen 2 and many others.
    /// - `defaultSystem`: the system message that stands in front when a conversation has none.
    case chatML(defaultSystem: String?)
    /// ChatML as Qwen 3 writes it: thoughts are kept only after the last question.
    case qwen3
    /// `<|start_header_id|>role<|end_header_id|> … <|eot_id|>`: Llama 3.
    /// - `date`: what stands as today's date in the system message; nil for Llama 3.0, which has none.
    case llama3(date: Date?)

    enum Date: Equatable {
        case fixed(String)
        case today
    }

    /// The names by which a user can choose a format for a model that brings no template.
    static let named: [String: ChatTemplate] = ["chatml": .chatML(defaultSystem: nil), "llama3": .llama3(date: nil)]

    /// The format of a Jinja template, or of a name in ``named``.
    static func recognize(_ template: String?) -> Result<ChatTemplate, TrainerError> {
        guard let template, !template.isEmpty else {
            return .failure(
                TrainerError(.unsupported, "the model has no chat template", expected: adviceToName))
        }
        if let known = named[template] { return .success(known) }
        if template.contains("<|im_start|>"), template.contains("<|im_end|>") {
            if template.contains("last_query_index"), template.contains("reasoning_content") { return .success(.qwen3) }
            if !template.contains("<think>") {
                return .success(.chatML(defaultSystem: defaultSystem(inChatML: template)))
            }
        }
        if template.contains("<|start_header_id|>"), template.contains("<|eot_id|>") {
            guard template.contains("Cutting Knowledge Date") else { return .success(.llama3(date: nil)) }
            if template.contains("strftime_now") { return .success(.llama3(date: .today)) }
            if let date = firstMatch(#"date_string = "([^"]+)""#, in: template) {
                return .success(.llama3(date: .fixed(date)))
            }
        }
        return .failure(
            TrainerError(
                .unsupported, "the model's chat template is not known (it begins \"\(template.prefix(60))\")",
                expected: "ChatML, Llama 3 or Qwen 3; \(adviceToName)"))
    }

    private static let adviceToName =
        "a format chosen by name (\(named.keys.sorted().joined(separator: " or "))) for a model trained on it"

    /// The system message that a ChatML template spells out in full, to be used when the conversation has none.
    private static func defaultSystem(inChatML template: String) -> String? {
        let pattern = #"<\|im_start\|>system(?:\\n|\n)((?:(?!<\||['"]\s*[+}~-]).)+)<\|im_end\|>"#
        return firstMatch(pattern, in: template)?.replacingOccurrences(of: "\\n", with: "\n")
    }

    private static func firstMatch(_ pattern: String, in text: String) -> String? {
        guard let expression = try? NSRegularExpression(pattern: pattern, options: .dotMatchesLineSeparators),
            let match = expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)),
            let range = Range(match.range(at: 1), in: text)
        else { return nil }
        return String(text[range])
    }

    var summary: String {
        switch self {
        case .chatML(nil): "ChatML"
        case .chatML(let system?): "ChatML, default system message \"\(system)\""
        case .qwen3: "ChatML (Qwen 3)"
        case .llama3(nil): "Llama 3"
        case .llama3(.fixed(let date)?): "Llama 3.1, dated \(date)"
        case .llama3(.today?): "Llama 3.1, dated today"
        }
    }
}

extension ChatTemplate {
    /// The conversation's text in segments; those of the assistant, its end-of-turn token included, are targets.
    func render(_ messages: [ChatMessage], addGenerationPrompt: Bool) throws -> [TextSegment] {
        guard !messages.isEmpty else {
            throw TrainerError(.invalidData, "a conversation has no messages", expected: "one or more")
        }
        for (index, message) in messages.enumerated() where !["system", "user", "assistant"].contains(message.role) {
            throw TrainerError(
                .invalidData, "message \(index) has the role \"\(message.role)\"", expected: "system, user or assistant")
        }
        switch self {
        case .chatML(let defaultSystem):
            return renderChatML(
                withDefaultSystem(defaultSystem, messages), addGenerationPrompt: addGenerationPrompt)
        case .qwen3:
            return renderChatML(withQwen3Thoughts(messages), addGenerationPrompt: addGenerationPrompt)
        case .llama3(let date):
            return renderLlama3(
                withLlama3System(date, messages.map(trimmed)), addGenerationPrompt: addGenerationPrompt)
        }
    }

    private func renderChatML(_ messages: [ChatMessage], addGenerationPrompt: Bool) -> [TextSegment] {
        var segments = messages.flatMap { message in
            [
                TextSegment(text: "<|im_start|>\(message.role)\n", isTarget: false),
                TextSegment(text: message.content + "<|im_end|>", isTarget: message.role == "assistant"),
                TextSegment(text: "\n", isTarget: false),
            ]
        }
        if addGenerationPrompt { segments.append(TextSegment(text: "<|im_start|>assistant\n", isTarget: false)) }
        return segments
    }

    private func withDefaultSystem(_ system: String?, _ messages: [ChatMessage]) -> [ChatMessage] {
        guard let system, messages[0].role != "system" else { return messages }
        return [ChatMessage(role: "system", content: system)] + messages
    }

    private func withQwen3Thoughts(_ messages: [ChatMessage]) -> [ChatMessage] {
        let lastQuestion = messages.lastIndex { $0.role == "user" } ?? messages.count - 1
        return messages.enumerated().map { index, message in
            guard message.role == "assistant" else { return message }
            let parts = message.content.components(separatedBy: "</think>")
            let answer = parts.count > 1 ? parts.last!.trimmingPrefix { $0 == "\n" } : message.content[...]
            let isLast = index == messages.count - 1
            let thought =
                parts.count > 1
                ? parts[0].trimmed("\n").components(separatedBy: "<think>").last!.trimmed("\n") : ""
            guard index > lastQuestion, isLast || !thought.isEmpty else {
                return ChatMessage(role: "assistant", content: String(answer))
            }
            let content = "<think>\n\(thought)\n</think>\n\n\(answer.trimmingPrefix { $0 == "\n" })"
            return ChatMessage(role: "assistant", content: content)
        }
    }

    private func renderLlama3(_ messages: [ChatMessage], addGenerationPrompt: Bool) -> [TextSegment] {
        func header(_ role: String) -> TextSegment {
            TextSegment(text: "<|start_header_id|>\(role)<|end_header_id|>\n\n", isTarget: false)
        }
        var segments = [TextSegment(text: "<|begin_of_text|>", isTarget: false)]
        for message in messages {
            segments.append(header(message.role))
            segments.append(TextSegment(text: message.content + "<|eot_id|>", isTarget: message.role == "assistant"))
        }
        if addGenerationPrompt { segments.append(header("assistant")) }
        return segments
    }

    private func trimmed(_ message: ChatMessage) -> ChatMessage {
        ChatMessage(
            role: message.role, content: message.content.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    private func withLlama3System(_ date: Date?, _ messages: [ChatMessage]) -> [ChatMessage] {
        guard let date else { return messages }
        let today =
            switch date {
            case .fixed(let day): day
            case .today: Self.dayMonthYear(Foundation.Date())
            }
        let hasSystem = messages[0].role == "system"
        let system = hasSystem ? messages[0].content : ""
        let dated = "Cutting Knowledge Date: December 2023\nToday Date: \(today)\n\n\(system)"
        return [ChatMessage(role: "system", content: dated)] + messages.dropFirst(hasSystem ? 1 : 0)
    }

    private static func dayMonthYear(_ date: Foundation.Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "dd MMM yyyy"
        return formatter.string(from: date)
    }
}

extension String {
    fileprivate func trimmed(_ character: Character) -> String {
        var result = self[...].trimmingPrefix { $0 == character }
        while result.last == character { result.removeLast() }
        return String(result)
    }
}
