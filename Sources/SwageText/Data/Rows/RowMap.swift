package import Swage

/// Which keys and roles of a file stand for those that are read: `messages=dialog`, `content=text`, `user=question`.
public struct RowMap: Sendable, Hashable {
    /// One of them.
    public struct Entry: Sendable, Hashable {
        /// A key or role that is read.
        public let name: String
        /// What it is called in the file.
        public let source: String
    }

    /// In the order in which they were given. Columns become messages in the order of a conversation, what the system says, what is
    /// asked, what is answered; or as given, where a role has several columns.
    public let entries: [Entry]

    /// Keys of a row that may have other names.
    private static let rowKeys = [
        "messages", "prompt", "completion", "text", "chosen", "rejected", "label", "tools", "documents", "instruction", "input", "output", "answer",
    ]
    /// Keys of a message that may have other names.
    private static let messageKeys = ["role", "content", "reasoning_content", "tool_calls", "tool_call_id", "weight"]

    /// - Parameter texts: each `OURS=THEIRS`. Ours is a key, a key of a message, or a role. A role stands for another name of it in
    ///   messages, or for the column that holds what is said in it: `user=question assistant=answer`.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for what is none.
    public init(_ texts: [String]) throws {
        entries = try texts.flatMap(Self.divided).map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let names = Self.rowKeys + Self.messageKeys + ChatMessage.roles
            guard parts.count == 2, names.contains(parts[0]), !parts[1].isEmpty else {
                throw TrainerError(.invalidOption, "map has \"\(text)\"", expected: "OURS=THEIRS, with ours one of \(names.joined(separator: ", "))")
            }
            return Entry(name: parts[0], source: parts[1])
        }
        for (index, entry) in entries.enumerated() where !ChatMessage.roles.contains(entry.name) {
            if let other = entries[..<index].first(where: { $0.name == entry.name }) {
                throw TrainerError(
                    .invalidOption, "map has \(other.name)=\(other.source) and \(entry.name)=\(entry.source)", expected: "\"\(entry.name)\" once")
            }
        }
        for (index, entry) in entries.enumerated() {
            // A key of a row and one of a message may well have the same name.
            let isOfMessage = Self.messageKeys.contains(entry.name)
            if let other = entries[..<index].first(where: { $0.source == entry.source && Self.messageKeys.contains($0.name) == isOfMessage }) {
                throw TrainerError(
                    .invalidOption, "map has \(other.name)=\(other.source) and \(entry.name)=\(entry.source), two meanings of one key",
                    expected: "another key for one of them")
            }
        }
    }

    /// What stands in one text, as in `map: user=question assistant=answer` of a recipe: it begins anew at each name that is read.
    private static func divided(_ text: String) -> [String] {
        let names = rowKeys + messageKeys + ChatMessage.roles
        return text.split(separator: " ", omittingEmptySubsequences: false).reduce(into: []) { entries, word in
            let begins = names.contains { word.hasPrefix("\($0)=") }
            if begins || entries.isEmpty { entries.append(String(word)) } else { entries[entries.count - 1] += " \(word)" }
        }
    }

    /// The row under the names that are read.
    /// - Parameter used: to which the entries that had an effect are added, by their number.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for a name that is there already.
    package func apply(to row: JSONObject, used: inout Set<Int>) throws -> JSONObject {
        let original = row
        var row = row
        var columns: [(place: Int, message: JSONValue)] = []
        var roles: [String: (role: String, entry: Int)] = [:]
        for (number, entry) in entries.enumerated() {
            if ChatMessage.roles.contains(entry.name) {
                if let said = row[entry.source] {
                    row[entry.source] = nil
                    columns.append((ChatMessage.roles.firstIndex(of: entry.name) ?? 0, ["role": .text(entry.name), "content": said]))
                    used.insert(number)
                } else {
                    roles[entry.source] = (entry.name, number)
                }
            } else if Self.rowKeys.contains(entry.name), original[entry.source] != nil {
                if entry.source != entry.name { row[entry.source] = nil }
                used.insert(number)
            }
        }
        // All of them at once, so that two keys can change their names with each other.
        for number in used.sorted() where Self.rowKeys.contains(entries[number].name) {
            let entry = entries[number]
            guard entry.source == entry.name || row[entry.name] == nil else { throw Self.taken(entry) }
            row[entry.name] = original[entry.source]
        }
        if !columns.isEmpty {
            guard row["messages"] == nil else {
                throw TrainerError(.invalidData, "there are \"messages\" beside the columns of --map", expected: "either of them")
            }
            // Several turns are told by the order in which their columns are named.
            let isOneTurn = Set(columns.map(\.place)).count == columns.count
            row["messages"] = .list((isOneTurn ? columns.sorted { $0.place < $1.place } : columns).map(\.message))
        }
        for member in row.members {
            guard case .list(let list) = member.value, list.contains(where: { $0.object != nil }) else { continue }
            row.set(member.key, to: .list(try list.map { try message($0, roles, &used) }))
        }
        return row
    }

    private func message(
        _ value: JSONValue, _ roles: [String: (role: String, entry: Int)], _ used: inout Set<Int>
    ) throws -> JSONValue {
        guard var object = value.object else { return value }
        for (number, entry) in entries.enumerated() where Self.messageKeys.contains(entry.name) {
            if try Self.rename(entry, in: &object) { used.insert(number) }
        }
        for key in ["role", "from"] {
            guard let name = object[key]?.text, let (role, entry) = roles[name] else { continue }
            object[key] = .text(role)
            used.insert(entry)
        }
        return .object(object)
    }

    private static func taken(_ entry: Entry) -> TrainerError {
        TrainerError(.invalidData, "there are both \"\(entry.source)\" and \"\(entry.name)\"", expected: "one of them, or another --map")
    }

    private static func rename(_ entry: Entry, in object: inout JSONObject) throws -> Bool {
        guard entry.source != entry.name, let value = object[entry.source] else { return entry.source == entry.name && object[entry.name] != nil }
        guard object[entry.name] == nil else {
            throw taken(entry)
        }
        object[entry.source] = nil
        object[entry.name] = value
        return true
    }
}
