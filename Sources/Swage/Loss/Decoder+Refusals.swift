/// What the serial form of a loss refuses, in words.
extension Decoder {
    /// - Throws: `DecodingError` for a key that is not one of `known`: what is asked is never ignored.
    func container<Known: CodingKey>(refusingKeysOtherThan known: Known.Type) throws -> KeyedDecodingContainer<Known> {
        let keys = try container(keyedBy: AnyKey.self).allKeys
        guard let odd = keys.map(\.stringValue).filter({ Known(stringValue: $0) == nil }).min() else {
            return try container(keyedBy: known)
        }
        throw DecodingError.dataCorrupted(
            .init(codingPath: codingPath, debugDescription: "has the key \"\(odd.prefix(64))\", which means nothing"))
    }
}

extension KeyedDecodingContainer {
    /// What stands under a key; nil if nothing or null does.
    /// - Throws: `DecodingError` that says where: what a decoder throws of a number that does not fit may not.
    func found<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value? {
        do {
            return try decodeIfPresent(type, forKey: key)
        } catch let error as DecodingError {
            throw error
        } catch {
            throw DecodingError.dataCorrupted(.init(codingPath: codingPath + [key], debugDescription: "has a value that cannot be"))
        }
    }

    /// What stands under a key.
    /// - Throws: `DecodingError`, also if nothing or null does.
    func required<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value {
        guard let value = try found(type, key) else {
            throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: ""))
        }
        return value
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension DecodingError {
    /// Where it went wrong, and how.
    var whereAndWhat: String {
        switch self {
        case .keyNotFound(let key, let context): "\(Self.place(context.codingPath)) has no \"\(key.stringValue)\""
        case .valueNotFound(_, let context): "\(Self.place(context.codingPath)) is null"
        case .typeMismatch(_, let context): "\(Self.place(context.codingPath)) is not of the right kind"
        case .dataCorrupted(let context):
            // Other words are the decoder's own, for a number that is too large.
            context.debugDescription.hasPrefix("has ")
                ? "\(Self.place(context.codingPath)) \(context.debugDescription)"
                : "\(Self.place(context.codingPath)) has a value that cannot be"
        @unknown default: "it is not such a thing"
        }
    }

    private static func place(_ path: [any CodingKey]) -> String {
        guard !path.isEmpty else { return "it" }
        return path.reduce("") { text, key in
            if let index = key.intValue { return text + "[\(index)]" }
            return text + (text.isEmpty ? "" : ".") + key.stringValue
        }
    }
}
