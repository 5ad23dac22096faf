import Swage
import SwageJinja

/// A model's own chat template, rendered as transformers renders it.
final class ChatTemplate: Sendable {
    /// The template's text, Jinja as Hugging Face's models bring it.
    let source: String
    /// What names such as `bos_token` stand for in it.
    let specialTokens: [String: String]
    /// Whether it writes a content in parts alone, and not one that is a text.
    let readsParts: Bool
    /// The day that it writes for today, where that stands still.
    let begun: String?
    /// The words of the template, the names that it asks for among them.
    let names: Set<Substring>
    private let template: Template
    private let clock: TemplateClock

    private init(
        _ template: Template, source: String, specialTokens: [String: String], readsParts: Bool, begun: String?, clock: TemplateClock
    ) {
        (self.template, self.source, self.specialTokens) = (template, source, specialTokens)
        (self.readsParts, self.begun, self.clock) = (readsParts, begun, clock)
        names = Set(source.split { !($0.isLetter || $0.isNumber || $0 == "_") })
    }

    /// - Throws: ``TrainerError`` with code `unsupported` for a template that is none, or has something that is not known here.
    convenience init(_ source: String, specialTokens: [String: String] = [:]) throws {
        let template: Template
        do {
            template = try Template(source)
        } catch {
            throw TrainerError(
                .unsupported, "the chat template cannot be used: \(error)",
                expected: "a Jinja template as transformers reads it, or --chat-template with one of \(Self.listedNames)")
        }
        self.init(template, source: source, specialTokens: specialTokens, readsParts: false, begun: nil, clock: .system)
    }

    /// The same for a template that writes the words of a message only where they are in parts.
    private func readingPartsIfNeeded() -> ChatTemplate {
        let probe = Chat([ChatMessage(role: "user", content: "seventeen")])
        func writes(_ template: ChatTemplate) -> Bool {
            (try? template.render(probe, addGenerationPrompt: false))?.runs.contains { $0.owner >= 0 && $0.count > 0 } ?? false
        }
        if writes(self) { return self }
        let other = ChatTemplate(
            template, source: source, specialTokens: specialTokens, readsParts: true, begun: begun, clock: clock)
        return writes(other) ? other : self
    }

    /// The same, for which it is always one day.
    func writing(day: String, clock: TemplateClock) -> ChatTemplate {
        ChatTemplate(template, source: source, specialTokens: specialTokens, readsParts: readsParts, begun: day, clock: clock)
    }

    static var listedNames: String { named.keys.sorted().joined(separator: ", ") }

    /// Whether it writes a date, which is another one each day.
    var writesDate: Bool { source.contains("strftime_now") }

    /// The conversation as the template writes it, contents in parts as it can read them. The owner of a character says of which
    /// message it is, and of what in it.
    /// - Throws: ``TrainerError`` with code `invalidData` where the template refuses the conversation.
    func render(_ chat: Chat, addGenerationPrompt: Bool) throws -> Rendering {
        try rendering(of: readable(chat), addGenerationPrompt: addGenerationPrompt)
    }

    /// The same for contents that are as they are to be read.
    func rendering(of chat: Chat, addGenerationPrompt: Bool) throws -> Rendering {
        guard !chat.messages.isEmpty else {
            throw TrainerError(.invalidData, "a conversation has no messages", expected: "one or more")
        }
        if let odd = (chat.messages.map { JSONValue.object($0.fields) } + chat.tools + chat.documents).lazy.compactMap(\.hugeInteger).first {
            throw TrainerError(.invalidData, "a chat template cannot write the number \(odd.beginning(40))", expected: "whole numbers of 64 bits")
        }
        do {
            return try template.render(context(of: chat, addGenerationPrompt: addGenerationPrompt), now: clock)
        } catch let error as TemplateError {
            throw refusal(error)
        }
    }

    private func refusal(_ error: TemplateError) -> TrainerError {
        switch error.kind {
        case .raised:
            TrainerError(.invalidData, "the model's chat template refuses the conversation: \(error.message)", expected: "one that it takes")
        case .evaluation, .syntax:
            TrainerError(
                .invalidData, "the model's chat template fails on the conversation: \(error)",
                expected: "a conversation that the template takes, or another template")
        case .unsupported:
            TrainerError(.unsupported, "the chat template, \(error)", expected: "a template without it, or --chat-template")
        case .limit:
            TrainerError(.tooLarge, "the chat template does not come to an end: \(error)", expected: "a shorter conversation, or another template")
        }
    }
}

extension ChatTemplate {
    /// The template of a model, if it has one.
    static func of(_ source: String?, specialTokens: [String: String]) -> Result<ChatTemplate, TrainerError> {
        guard let source, !source.isEmpty else {
            return .failure(
                TrainerError(
                    .unsupported, "the model has no chat template",
                    expected: "--chat-template with a file, a template, or one of \(listedNames) for a model trained on it"))
        }
        return Result { try ChatTemplate(source, specialTokens: specialTokens).readingPartsIfNeeded() }
            .mapError { $0 as? TrainerError ?? TrainerError(.unsupported, "\($0)") }
    }

    /// What it is, in words: its name, or how it begins.
    var summary: String {
        if let name = Self.named.first(where: { $0.value == source })?.key { return "the template \"\(name)\"" }
        let start = source.split(whereSeparator: \.isWhitespace).joined(separator: " ").beginning(48)
        return "the model's own template of \(source.utf8.count) bytes (\(start))"
    }
}

extension JSONValue {
    /// A whole number in it that 64 bits do not hold.
    fileprivate var hugeInteger: String? {
        switch self {
        case .number(let number):
            number.integer == nil && number.literal.utf8.allSatisfy { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) } ? number.literal : nil
        case .list(let list): list.lazy.compactMap(\.hugeInteger).first
        case .object(let object): object.members.lazy.compactMap(\.value.hugeInteger).first
        case .null, .flag, .text: nil
        }
    }
}
