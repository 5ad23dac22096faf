import Foundation
package import Swage

extension JSONValue {
    /// A list of messages, in the form of OpenAI and Hugging Face (`role`, `content`) or of ShareGPT (`from`, `value`).
    /// - Parameter key: where the list stands.
    /// - Throws: ``TrainerError`` with code `invalidData`, naming the message and its key.
    package func messages(_ key: String, _ notes: inout [String]) throws -> [ChatMessage] {
        guard let list else {
            throw TrainerError(.invalidData, "\"\(key)\" is \(summary)", expected: "a list of messages")
        }
        guard !list.isEmpty else { throw TrainerError(.invalidData, "\"\(key)\" is empty", expected: "at least one message") }
        return try list.enumerated().map { index, value in
            guard let object = value.object else {
                throw TrainerError(
                    .invalidData, "message \(index + 1) of \"\(key)\" is \(value.summary)", expected: "an object with role and content")
            }
            var message = RowMessage(object, number: index + 1, key: key)
            return try message.read(&notes)
        }
    }
}

/// A message of a row while its keys are taken.
private struct RowMessage {
    private var row: ExampleRow
    private let number: Int
    private let key: String

    init(_ object: JSONObject, number: Int, key: String) { (row, self.number, self.key) = (ExampleRow(object), number, key) }

    /// Where it stands, for an error.
    private var place: String { "message \(number) of \"\(key)\"" }

    mutating func read(_ notes: inout [String]) throws -> ChatMessage {
        let (role, isShareGPT) = try takeRole()
        let said = row.take(isShareGPT ? "value" : "content")
        var message = ChatMessage(role: role, content: "")
        message.reasoningContent = try takeThought()
        message.fields = try takeFields()
        let calls = try takeCalls()
        if isShareGPT, role == "assistant", row.has("from"), Self.calling.contains(sharedRole) {
            message.fields["tool_calls"] = try Self.calls(spelledIn: said, place)
            message.fields.set("content", to: .null)
        } else {
            if let calls { message.fields["tool_calls"] = calls }
            message.content = try content(said, isShareGPT ? "value" : "content", &message.fields)
        }
        message.weight = try takeWeight()
        for (key, value) in row.untaken {
            if let reason = MeaningfulKeys.ofMessage[key.lowercased()]?(value) { throw ExampleRow.refused("\"\(key)\" of \(place)", reason) }
            notes.append("the key \"\(key)\" of a message is not read")
        }
        return message
    }

    // MARK: Who speaks

    private var sharedRole = ""

    // The names are here, and not where they are looked for, so that no list is made for each message.
    private static let roleNames = ["role", "from"]
    private static let thoughtNames = ["reasoning_content", "thinking", "reasoning", "thought"]
    private static let textNames = ["tool_call_id", "name"]
    private static let callNames = ["tool_calls", "function_call"]

    private static let calling = ["function_call", "tool_call"]
    private static let sharedRoles = [
        "human": "user", "user": "user", "gpt": "assistant", "chatgpt": "assistant", "bard": "assistant", "bing": "assistant",
        "model": "assistant", "bot": "assistant", "assistant": "assistant", "function_call": "assistant", "tool_call": "assistant",
        "system": "system", "developer": "developer", "tool": "tool", "observation": "tool", "function_response": "tool", "tool_response": "tool",
    ]

    private mutating func takeRole() throws -> (role: String, isShareGPT: Bool) {
        guard let (key, value) = try row.take(oneOf: Self.roleNames) else {
            throw TrainerError(.invalidData, "\(place) has \(row.listedKeys)", expected: "role and content, or from and value")
        }
        guard let role = value.text else { throw TrainerError(.invalidData, "\"\(key)\" of \(place) is \(value.summary)", expected: "a text") }
        let isShareGPT = key == "from"
        let known = isShareGPT ? Self.sharedRoles[role.lowercased()] : ChatMessage.roles.first { $0 == role }
        guard let known else {
            let expected = isShareGPT ? "human, gpt, system, function_call, observation or tool" : ChatMessage.roles.joined(separator: ", ")
            throw TrainerError(
                .invalidData, "\(place) has the role \"\(role)\"",
                expected: "one of \(expected); or --map to say which it is, as in --map user=\(role.beginning(40))")
        }
        if isShareGPT { sharedRole = role.lowercased() }
        return (known, isShareGPT)
    }

    // MARK: What is said

    /// The text of a message, its parts put together where it is in parts.
    private func content(_ value: JSONValue?, _ name: String, _ fields: inout JSONObject) throws -> String {
        switch value {
        case .text(let text)?: return text
        case .list(let list)?:
            let parts = try list.map { try Self.part($0, "\"\(name)\" of \(place)") }
            fields["content"] = .list(parts.map(\.part))
            return parts.map(\.text).joined()
        case nil where fields.hasCalls:
            fields.set("content", to: .null)
            return ""
        case nil:
            let found = row.isNull(name) ? "\"\(name)\" null" : row.listedKeys
            throw TrainerError(.invalidData, "\(place) has \(found)", expected: "role and content")
        case let value?: throw TrainerError(.invalidData, "\"\(name)\" of \(place) is \(value.summary)", expected: "a text, or a list of texts")
        }
    }

    /// A part of a content as a template is given it, without what is null in it, and its text.
    private static func part(_ part: JSONValue, _ place: String) throws -> (part: JSONValue, text: String) {
        if let text = part.text { return (part, text) }
        let members = part.object?.members.filter { !$0.value.isNull } ?? []
        let media = members.first { MeaningfulKeys.isMedia($0.key) }?.key
        guard part["type"]?.text ?? "text" == "text", media == nil, let text = part["text"]?.text else {
            let kind = part["type"]?.text.flatMap { $0 == "text" ? nil : "of the type \"\($0.beginning(60))\"" } ?? media.map { "with the key \"\($0)\"" }
            throw TrainerError(
                .invalidData, "\(place) has a part \(kind ?? "that is \(part.summary) without a text")",
                expected: "parts of text alone, {\"type\": \"text\", \"text\": …}: models read text here")
        }
        return (.object(JSONObject(members)), text)
    }

    private mutating func takeThought() throws -> String? {
        var thought: (key: String, text: String)?
        for key in Self.thoughtNames {
            guard let value = row.take(key) else { continue }
            guard let text = value.text else { throw TrainerError(.invalidData, "\"\(key)\" of \(place) is \(value.summary)", expected: "a text") }
            if let known = thought, !known.text.hasSameBytes(as: text) {
                throw TrainerError(
                    .invalidData, "\(place) has both \"\(known.key)\" and \"\(key)\", and they differ", expected: "one thought")
            }
            thought = thought ?? (key, text)
        }
        return thought?.text
    }

    /// What templates read beside the words.
    private mutating func takeFields() throws -> JSONObject {
        var fields: JSONObject = [:]
        for key in Self.textNames {
            guard let value = row.take(key) else { continue }
            guard let text = value.text else { throw TrainerError(.invalidData, "\"\(key)\" of \(place) is \(value.summary)", expected: "a text") }
            if !text.isEmpty { fields[key] = value }
        }
        return fields
    }

    // MARK: Tools

    private mutating func takeCalls() throws -> JSONValue? {
        guard let (key, value) = try row.take(oneOf: Self.callNames) else { return nil }
        if key == "function_call" { return .list([["type": "function", "function": try Self.checked(value, "\"\(key)\" of \(place)")]]) }
        guard let list = value.list else {
            throw TrainerError(.invalidData, "\"\(key)\" of \(place) is \(value.summary)", expected: "a list of calls")
        }
        for (number, call) in list.enumerated() { _ = try Self.checked(call["function"] ?? call, "call \(number + 1) in \"\(key)\" of \(place)") }
        return value
    }

    private static func checked(_ call: JSONValue, _ place: String) throws -> JSONValue {
        guard call["name"]?.text != nil else {
            throw TrainerError(.invalidData, "\(place) is \(call.summary) without a name", expected: "a call with name and arguments")
        }
        return call
    }

    /// ShareGPT writes a call as a text of JSON.
    private static func calls(spelledIn value: JSONValue?, _ place: String) throws -> JSONValue {
        let value = try value?.parsed ?? .null
        let calls = value.list ?? [value]
        return .list(try calls.map { ["type": "function", "function": try checked($0, "the call of \(place)")] })
    }

    // MARK: What is learned

    private mutating func takeWeight() throws -> Int? {
        var weight: Int?
        if let value = row.take("weight") {
            guard let number = value.number?.double, number == 0 || number == 1 else {
                throw TrainerError(.invalidData, "\"weight\" of \(place) is \(value.summary)", expected: "0 or 1")
            }
            weight = Int(number)
        }
        for (key, value) in row.untaken {
            guard let asks = MeaningfulKeys.asksToLearn(key, value) else { continue }
            _ = row.take(key)
            guard weight == nil || (weight != 0) == asks else {
                throw TrainerError(.invalidData, "\"\(key)\" and another key of \(place) disagree whether it is learned", expected: "one of them")
            }
            weight = asks ? 1 : 0
        }
        return weight
    }
}

extension JSONValue {
    /// The value that a text of JSON spells; any other value as it is.
    package var parsed: JSONValue {
        get throws {
            guard let text else { return self }
            return try JSONValue(json: Data(text.utf8))
        }
    }
}

extension JSONObject {
    /// Whether a message with these fields calls a tool.
    var hasCalls: Bool { self["tool_calls"]?.list?.isEmpty == false }
}
