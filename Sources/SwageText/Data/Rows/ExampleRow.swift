package import Foundation
package import Swage

/// One line of a file of examples, whose keys are taken one after another: what is left was not read.
///
/// A key whose value is null is not there.
package struct ExampleRow {
    private let written: JSONObject
    /// What was written and what was put to it, of which some is taken.
    private var members: [JSONObject.Member]
    private var isTaken: [Bool]

    /// - Throws: ``TrainerError`` with code `invalidData` for a line that is no object.
    package init(json: Data) throws {
        let value = try JSONValue(json: json)
        guard let object = value.object else {
            throw TrainerError(.invalidData, "the line is \(value.summary)", expected: "an object in braces")
        }
        self.init(object)
    }

    package init(_ object: JSONObject) {
        written = object
        members = object.members
        isTaken = Array(repeating: false, count: members.count)
    }

    /// The keys that have a value.
    package var keys: [String] { written.members.filter { !$0.value.isNull }.map(\.key) }

    /// Whether a key was written with a value.
    package func has(_ key: String) -> Bool { written[key] != nil }

    /// The keys, for an error.
    package var listedKeys: String {
        let keys = keys
        return keys.isEmpty ? "no key with a value" : "the keys " + keys.map { "\"\($0)\"" }.joined(separator: ", ")
    }

    /// Whether a key is there and has no value.
    func isNull(_ key: String) -> Bool { written.isNull(key) }

    /// The value under a key that was not taken.
    subscript(key: String) -> JSONValue? { place(of: key).map { members[$0].value } }

    private func place(of key: String) -> Int? {
        for index in members.indices where !isTaken[index] && members[index].key.hasSameBytes(as: key) {
            return members[index].value.isNull ? nil : index
        }
        return nil
    }

    package mutating func take(_ key: String) -> JSONValue? {
        guard let place = place(of: key) else { return nil }
        isTaken[place] = true
        return members[place].value
    }

    /// Adds a key, to be taken later.
    /// - Throws: ``TrainerError`` with code `invalidData` if it is there already.
    package mutating func put(_ value: JSONValue, under key: String) throws {
        guard place(of: key) == nil else { throw TrainerError(.invalidData, "\"\(key)\" stands in two places of the line", expected: "one of them") }
        for index in members.indices where members[index].key.hasSameBytes(as: key) { isTaken[index] = true }
        members.append(JSONObject.Member(key: key, value: value))
        isTaken.append(false)
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
        var found: String?
        for name in names where place(of: name) != nil {
            if let found { throw TrainerError(.invalidData, "there are both \"\(found)\" and \"\(name)\"", expected: "one of them") }
            found = name
        }
        return found
    }

    /// The text under a key; nil for none, and for an empty one.
    package mutating func takeText(_ key: String) throws -> String? {
        guard let value = take(key) else { return nil }
        guard let text = value.text else { throw TrainerError(.invalidData, "\"\(key)\" is \(value.summary)", expected: "a text") }
        return text.isEmpty ? nil : text
    }

    /// What is left: keys with a value that were not taken.
    package var untaken: [(key: String, value: JSONValue)] {
        members.indices.filter { !isTaken[$0] && !members[$0].value.isNull }.map { (members[$0].key, members[$0].value) }
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
