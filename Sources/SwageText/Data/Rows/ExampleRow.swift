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
    package var listedKeys: String { keys.isEmpty ? "no key with a value" : "the keys " + keys.map { "\"\($0)\"" }.joined(separator: ", ") }

    /// Whether a key, in quotes, is there and has no value.
    func isNull(_ key: String) -> Bool { nulls.contains(key) }

    /// The value under a key that was not taken.
    subscript(key: String) -> JSONValue? { rest[key] }

    package mutating func take(_ key: String) -> JSONValue? {
        defer { rest[key] = nil }
        return rest[key]
    }

    /// Adds a key, to be taken later.
    /// - Throws: ``TrainerError`` with code `invalidData` if it is there already.
    package mutating func put(_ value: JSONValue, under key: String) throws {
        guard rest[key] == nil else { throw TrainerError(.invalidData, "\"\(key)\" stands in two places of the line", expected: "one of them") }
        rest[key] = value
    }

    /// The value of the one key among several names of a thing, and the name that it has.
    /// - Throws: ``TrainerError`` with code `invalidData` if two of them are there.
    package mutating func take(oneOf names: [String]) throws -> (key: String, value: JSONValue)? {
        guard let name = try key(oneOf: names), let value = take(name) else { return nil }
        return (name, value)
    }

    /// The one key among several names of a thing.
    /// - Throws: ``TrainerError`` with code `invalidData` if two of them are there.
    package func key(oneOf names: [String]) throws -> String? {
        let found = names.filter { rest[$0] != nil }
        guard found.count < 2 else {
            throw TrainerError(.invalidData, "there are both \"\(found[0])\" and \"\(found[1])\"", expected: "one of them")
        }
        return found.first
    }

    /// The text under a key; nil for none, and for an empty one.
    package mutating func takeText(_ key: String) throws -> String? {
        guard let value = take(key) else { return nil }
        guard let text = value.text else { throw TrainerError(.invalidData, "\"\(key)\" is \(value.summary)", expected: "a text") }
        return text.isEmpty ? nil : text
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
