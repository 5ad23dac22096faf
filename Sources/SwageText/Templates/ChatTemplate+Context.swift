import Swage
import SwageJinja

/// What of a message a character of a rendered conversation is.
enum MessagePart: Int32, CaseIterable {
    case content, thought, field

    /// The owner that characters of the message `index` have.
    func owner(_ index: Int) -> Int32 { Int32(clamping: index) * Int32(Self.allCases.count) + rawValue }

    /// The owner of what a template writes of tools, and of documents.
    static let (tools, documents): (Int32, Int32) = (-2, -3)

    /// The owner of the names in the parts of a content: where they come out, a list was written as Python spells it.
    static func names(_ index: Int) -> Int32 { Int32(clamping: -4 - index) }

    /// The message whose names they are; nil for all else.
    static func message(ofNames owner: Int32) -> Int? { owner <= -4 ? -4 - Int(owner) : nil }

    /// The message and the part of an owner; nil for what the template itself writes.
    static func of(_ owner: Int32) -> (message: Int, part: MessagePart)? {
        let count = Int32(allCases.count)
        guard owner >= 0, let part = MessagePart(rawValue: owner % count) else { return nil }
        return (Int(owner / count), part)
    }
}

extension ChatTemplate {
    /// The names that a template finds, as transformers gives them.
    func context(of chat: Chat, addGenerationPrompt: Bool) -> [String: TemplateValue] {
        var context: [String: TemplateValue] = specialTokens.mapValues { .text($0) }
        for member in chat.templateArguments.members { context[member.key] = TemplateValue(member.value, owner: Rendering.template) }
        context["messages"] = .list(chat.messages.enumerated().map { value(of: $1, $0) })
        context["tools"] = chat.templateArguments[Self.emptyTools] != nil && chat.tools.isEmpty ? .list([]) : Self.list(chat.tools, MessagePart.tools)
        context["documents"] = Self.list(chat.documents, MessagePart.documents)
        context["add_generation_prompt"] = .bool(addGenerationPrompt)
        return context
    }

    /// The argument that says that there is a list of tools, and nothing in it: some templates write what would stand before the first.
    static let emptyTools = "tools"

    private static func list(_ values: [JSONValue], _ owner: Int32) -> TemplateValue {
        values.isEmpty ? .none : .list(values.map { TemplateValue($0, owner: owner) })
    }

    private func value(of message: ChatMessage, _ index: Int) -> TemplateValue {
        var pairs: [(key: TemplateValue, value: TemplateValue)] = [(.text("role"), .text(message.role))]
        // As transformers leaves out what is null, so that it is not defined.
        if !(message.content.isEmpty && message.fields.isNull("content")) { pairs.append((.text("content"), content(of: message, index))) }
        for member in message.fields.members where member.key != "content" {
            pairs.append((.text(member.key), TemplateValue(member.value, owner: MessagePart.field.owner(index))))
        }
        if let thought = message.reasoningContent {
            // Under both of the names by which templates look for it, as transformers gives it.
            let value = TemplateValue.text(thought, owner: MessagePart.thought.owner(index))
            pairs = [(.text("thinking"), value)] + pairs + [(.text("reasoning_content"), value)]
        }
        return .dict(pairs)
    }

    private func content(of message: ChatMessage, _ index: Int) -> TemplateValue {
        if let parts = message.parts { return .list(parts.map { part($0, index) }) }
        let text = TemplateValue.text(message.content, owner: MessagePart.content.owner(index))
        return readsParts ? .list([.dict([(.text("type"), .text("text")), (.text("text"), text)])]) : text
    }

    private func part(_ part: JSONValue, _ index: Int) -> TemplateValue {
        let owner = MessagePart.content.owner(index)
        guard let object = part.object else { return TemplateValue(part, owner: owner) }
        let name = MessagePart.names(index)
        return .dict(
            object.members.map { member in
                (.text(member.key, owner: name), TemplateValue(member.value, owner: member.key == "text" ? owner : Rendering.template))
            })
    }
}

extension TemplateValue {
    /// A value of JSON, whose texts are of one owner.
    init(_ value: JSONValue, owner: Int32) {
        switch value {
        case .null: self = .none
        case .flag(let flag): self = .bool(flag)
        case .number(let number): self = number.integer.map { .int($0) } ?? .float(number.double)
        case .text(let text): self = .text(text, owner: owner)
        case .list(let list): self = .list(list.map { TemplateValue($0, owner: owner) })
        case .object(let object):
            self = .dict(object.members.map { (.text($0.key, owner: owner), TemplateValue($0.value, owner: owner)) })
        }
    }
}
