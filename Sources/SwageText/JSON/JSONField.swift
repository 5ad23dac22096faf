package import Foundation
package import Swage

/// A value of a JSON file, with where it stands: every error about it says so.
package struct JSONField: Sendable {
    package let value: JSONValue
    /// The file as an error names it.
    package let file: String
    /// The keys that lead to the value, with points between; empty for the whole file.
    package let key: String

    package init(_ value: JSONValue, file: String, key: String = "") {
        (self.value, self.file, self.key) = (value, file, key)
    }

    /// Reads a file's content.
    /// - Throws: ``TrainerError`` with code `corruptFile`.
    package init(json: Data, file: String) throws {
        self.init(try JSONValue(json: json, file: file), file: file)
        _ = try object()
    }

    /// What stands under a key; nil if nothing or null does.
    package subscript(key: String) -> JSONField? {
        value[key].map { JSONField($0, file: file, key: place(key)) }
    }

    /// What stands under a key.
    /// - Throws: ``TrainerError`` with code `corruptFile` if nothing does.
    package func required(_ key: String) throws -> JSONField {
        guard let field = self[key] else {
            throw TrainerError(.corruptFile, "\(file) has no \"\(place(key))\"", expected: "a file with it")
        }
        return field
    }

    /// Whether null stands under a key, where that means something else than nothing.
    package func isNull(_ key: String) -> Bool { value.object?.isNull(key) ?? false }

    private func place(_ key: String) -> String { self.key.isEmpty ? key : "\(self.key).\(key)" }

    /// An error about this value: what it is, and what it should be.
    package func wrong(_ expected: String, code: TrainerError.Code = .corruptFile) -> TrainerError {
        TrainerError(code, "\(file): \(key.isEmpty ? "the whole" : "\"\(key)\"") is \(value.summary)", expected: expected)
    }

    package func text() throws -> String {
        guard let text = value.text else { throw wrong("a text") }
        return text
    }

    package func flag() throws -> Bool {
        guard let flag = value.flag else { throw wrong("true or false") }
        return flag
    }

    package func integer(_ range: ClosedRange<Int>) throws -> Int {
        guard let integer = value.number?.integer, range.contains(integer) else {
            throw wrong("a whole number in \(range.lowerBound)...\(range.upperBound)")
        }
        return integer
    }

    package func number() throws -> Double {
        guard let number = value.number?.double, number.isFinite else { throw wrong("a finite number") }
        return number
    }

    package func object() throws -> JSONObject {
        guard let object = value.object else { throw wrong("an object") }
        return object
    }

    /// The members of an object, but for those that are null.
    package func members() throws -> [(key: String, field: JSONField)] {
        try object().members.filter { $0.value != .null }.map { ($0.key, JSONField($0.value, file: file, key: place($0.key))) }
    }

    package func list() throws -> [JSONField] {
        guard let list = value.list else { throw wrong("a list") }
        return list.enumerated().map { JSONField($1, file: file, key: "\(key)[\($0)]") }
    }
}
