/// Any value of JSON, as it was written: the order of keys and the digits of numbers are kept.
package enum JSONValue: Equatable, Sendable {
    case null
    case flag(Bool)
    case number(JSONNumber)
    case text(String)
    case list([JSONValue])
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

/// A number as it is spelled, so that large integers keep their digits.
package struct JSONNumber: Equatable, Sendable {
    package let literal: String

    package init(literal: String) { self.literal = literal }

    /// Nil for a number with a point or an exponent, and for one that 64 bits do not hold.
    package var integer: Int? { Int(literal) }

    /// The nearest double; infinite where there is none.
    package var double: Double { Double(literal) ?? .nan }
}

/// The members of an object, in the order of the text. No key comes twice.
package struct JSONObject: Sendable {
    package struct Member: Equatable, Sendable {
        package let key: String
        package var value: JSONValue

        package init(key: String, value: JSONValue) { (self.key, self.value) = (key, value) }
    }

    package private(set) var members: [Member]

    package init(_ members: [Member] = []) { self.members = members }

    package var isEmpty: Bool { members.isEmpty }

    /// Whether the key is there with null for its value.
    package func isNull(_ key: String) -> Bool {
        members.contains { $0.value == .null && $0.key.hasSameBytes(as: key) }
    }
    package var keys: [String] { members.map(\.key) }

    /// A key whose value is null is not there. Setting nil removes the key.
    package subscript(key: String) -> JSONValue? {
        get {
            guard let value = members.first(where: { $0.key.hasSameBytes(as: key) })?.value, value != .null else { return nil }
            return value
        }
        set {
            let place = members.firstIndex { $0.key.hasSameBytes(as: key) }
            switch (place, newValue) {
            case (let place?, let value?): members[place].value = value
            case (let place?, nil): members.remove(at: place)
            case (nil, let value?): members.append(Member(key: key, value: value))
            case (nil, nil): break
            }
        }
    }
}

extension JSONObject: Equatable {
    /// The order of keys makes no difference.
    package static func == (a: JSONObject, b: JSONObject) -> Bool {
        guard a.members.count == b.members.count else { return false }
        if a.members == b.members { return true }
        func sorted(_ members: [Member]) -> [Member] { members.sorted { $0.key < $1.key } }
        return sorted(a.members) == sorted(b.members)
    }
}

extension String {
    /// Whether both are spelled alike. `==` also equates what Unicode calls canonically equivalent.
    package func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }

    /// At most so many characters, with "…" where more follow. Takes time by the characters it gives, and not by those it has.
    package func beginning(_ count: Int) -> String {
        let scalars = unicodeScalars.prefix(count)
        return scalars.endIndex == unicodeScalars.endIndex ? self : String(String.UnicodeScalarView(scalars)) + "…"
    }
}
