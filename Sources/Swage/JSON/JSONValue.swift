/// Any value of JSON, as it was written: the order of keys and the digits of numbers are kept.
///
/// ```swift
/// let tool: JSONValue = ["type": "function", "function": ["name": "weather", "parameters": ["type": "object"]]]
/// ```
public enum JSONValue: Hashable, Sendable {
    /// Nothing.
    case null
    /// True or false.
    case flag(Bool)
    /// A number, by its digits.
    case number(JSONNumber)
    /// A text.
    case text(String)
    /// Values one after another.
    case list([JSONValue])
    /// Values by their keys.
    case object(JSONObject)
}

extension JSONValue {
    /// A few words for an error: the kind of value, and the value itself where it is short.
    package var summary: String {
        switch self {
        case .null: "null"
        case .flag(let flag): flag ? "true" : "false"
        case .number(let number): number.literal.beginning(40)
        case .text(let text): "the text \"\(text.beginning(60))\""
        case .list(let list): "a list of \(list.count)"
        case .object(let object): object.isEmpty ? "an empty object" : "an object"
        }
    }

    /// The value under `key` of an object. A key whose value is null is not there.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    package var isNull: Bool { if case .null = self { true } else { false } }
    package var flag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
    package var number: JSONNumber? { if case .number(let number) = self { number } else { nil } }
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    package var list: [JSONValue]? { if case .list(let list) = self { list } else { nil } }
    package var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
}

extension JSONValue {
    package static func number(_ integer: Int) -> JSONValue { .number(JSONNumber(literal: "\(integer)")) }

    /// Infinity and NaN, which JSON does not have, become null.
    package static func number(_ double: Double) -> JSONValue {
        double.isFinite ? .number(JSONNumber(literal: "\(double)")) : .null
    }
}
