/// The members of an object, in the order of the text. No key comes twice.
public struct JSONObject: Sendable {
    /// A key and its value.
    public struct Member: Hashable, Sendable {
        /// The key.
        public let key: String
        /// The value, null included.
        public var value: JSONValue

        package init(key: String, value: JSONValue) { (self.key, self.value) = (key, value) }
    }

    /// All members, those with the value null too.
    public private(set) var members: [Member]

    package init(_ members: [Member] = []) { self.members = members }

    /// An object without members.
    public init() { members = [] }

    /// Whether there is no member.
    public var isEmpty: Bool { members.isEmpty }

    /// Whether the key is there with null for its value.
    package func isNull(_ key: String) -> Bool {
        members.contains { $0.value.isNull && $0.key.hasSameBytes(as: key) }
    }

    package var keys: [String] { members.map(\.key) }

    /// A key whose value is null is not there. Setting nil removes the key.
    public subscript(key: String) -> JSONValue? {
        get {
            guard let value = members.first(where: { $0.key.hasSameBytes(as: key) })?.value, !value.isNull else { return nil }
            return value
        }
        set {
            guard newValue == nil else { return set(key, to: newValue ?? .null) }
            members.removeAll { $0.key.hasSameBytes(as: key) }
        }
    }

    /// Sets a member, to null as well.
    package mutating func set(_ key: String, to value: JSONValue) {
        if let place = members.firstIndex(where: { $0.key.hasSameBytes(as: key) }) {
            members[place].value = value
        } else {
            members.append(Member(key: key, value: value))
        }
    }
}

extension JSONObject: Hashable {
    /// The order of keys makes no difference.
    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.members.count == b.members.count && (a.members == b.members || a.sorted == b.sorted)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(sorted) }

    private var sorted: [Member] { members.sorted { $0.key < $1.key } }
}
