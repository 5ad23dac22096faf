package import Foundation
package import Swage

/// One line of a file of examples, whose keys are taken one after another: what is left was not read.
///
/// A key whose value is null is not there.
package struct ExampleRow {
    /// The keys that have a value.
    package let keys: [String]
    private let nulls: Set<String>
    private var rest: JSONObject

    /// - Throws: ``TrainerError`` with code `invalidData` for a line that is no object.
    package init(json: Data) throws {
        let value = try JSONValue(json: json)
        guard let object = value.object else {
            throw TrainerError(.invalidData, "the line is \(value.summary)", expected: "an object in braces")
        }
        self.init(object)
    }

    package init(_ object: JSONObject) {
        keys = object.members.filter { $0.value != .null }.map(\.key)
        nulls = Set(object.members.filter { $0.value == .null }.map { "\"\($0.key)\"" })
        rest = object
    }

    /// The keys, for an error.
    package var listedKeys: String { keys.isEmpty ? "no keys" : "the keys " + keys.map { "\"\($0)\"" }.joined(separator: ", ") }

    /// Whether a key, in quotes, is there and has no value.
    func isNull(_ key: String) -> Bool { nulls.contains(key) }

    package mutating func take(_ key: String) -> JSONValue? {
        defer { rest[key] = nil }
        return rest[key]
    }

    /// What is left: keys with a value that were not taken.
    package var untaken: [(key: String, value: JSONValue)] {
        rest.members.filter { $0.value != .null }.map { ($0.key, $0.value) }
    }

    /// Refuses what is left where it would change a meaning, and notes the rest.
    package func finish(_ notes: inout [String]) throws {
        for (key, value) in untaken {
            if let reason = MeaningfulKeys.ofRow[key.lowercased()]?(value) { throw Self.refused("\"\(key)\"", reason) }
            notes.append("the key \"\(key)\" is not read")
        }
    }

    static func refused(_ key: String, _ reason: String) -> TrainerError {
        TrainerError(.invalidData, "\(key) \(reason), which is not supported", expected: "a line without it")
    }
}

extension JSONValue {
    /// A list of messages.
    /// - Parameter key: where the list stands.
    /// - Throws: ``TrainerError`` with code `invalidData`, naming the message and its key.
    package func messages(_ key: String, _ notes: inout [String]) throws -> [ChatMessage] {
        guard let list else {
            throw TrainerError(.invalidData, "\"\(key)\" is \(summary)", expected: "a list of messages")
        }
        guard !list.isEmpty else { throw TrainerError(.invalidData, "\"\(key)\" is empty", expected: "at least one message") }
        return try list.enumerated().map { try $1.message("message \($0 + 1) of \"\(key)\"", &notes) }
    }

    private func message(_ place: String, _ notes: inout [String]) throws -> ChatMessage {
        guard let object else { throw TrainerError(.invalidData, "\(place) is \(summary)", expected: "an object with role and content") }
        var row = ExampleRow(object)
        let role = try text(of: row.take("role"), "\"role\"", place, row)
        guard ["system", "user", "assistant"].contains(role) else {
            throw TrainerError(.invalidData, "\(place) has the role \"\(role)\"", expected: "system, user or assistant")
        }
        let (weight, thought, content) = (row.take("weight"), row.take("reasoning_content"), row.take("content"))
        var isMuted = false
        for (key, value) in row.untaken {
            if role != "assistant", let asks = MeaningfulKeys.asksToLearn(key, value) {
                guard !asks else { throw ExampleRow.refused("\"\(key)\" of \(place)", "asks to learn what the \(role) says") }
                isMuted = true
                continue
            }
            if let reason = MeaningfulKeys.ofMessage[key.lowercased()]?(value) { throw ExampleRow.refused("\"\(key)\" of \(place)", reason) }
            notes.append("the key \"\(key)\" of a message is not read")
        }
        let said = try text(of: content, "\"content\"", place, row)
        // An empty thought asks for nothing, but where it says that what looks like one is part of the content.
        let isThoughtless = thought?.text == "" && !said.contains("</think>")
        return ChatMessage(
            role: role, content: said,
            reasoningContent: isThoughtless ? nil : try thought.map { try text(of: $0, "\"reasoning_content\"", place, row) },
            weight: try weight.map { try Self.weight($0, role, place) } ?? (isMuted ? 0 : nil))
    }

    private func text(of value: JSONValue?, _ key: String, _ place: String, _ row: ExampleRow) throws -> String {
        guard let value else {
            let found = row.isNull(key) ? "\(key) null" : row.listedKeys
            throw TrainerError(.invalidData, "\(place) has \(found)", expected: "role and content")
        }
        guard let text = value.text else {
            throw TrainerError(.invalidData, "\(key) of \(place) is \(value.summary)", expected: "a text")
        }
        return text
    }

    private static func weight(_ value: JSONValue, _ role: String, _ place: String) throws -> Int {
        let isWritten = role == "assistant"
        guard let number = value.number?.double, number == 0 || (number == 1 && isWritten) else {
            throw TrainerError(
                .invalidData, "\"weight\" of \(place), which is the \(role)'s, is \(value.summary)",
                expected: isWritten ? "0 or 1" : "0, for only the assistant's messages are learned")
        }
        return Int(number)
    }
}
