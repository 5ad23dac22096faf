/// Pairs in the order of their insertion, found by keys that are equal as Python has it.
struct OrderedPairs {
    private(set) var keys: [Value] = []
    var values: [Value] = []
    private var places: [HashableValue: Int] = [:]
    private static let few = 8

    var count: Int { keys.count }

    /// The value of a text, the key that nearly every look-up has.
    func value(_ key: Text) -> Value? { place(key).map { values[$0] } }

    private func place(_ key: Text) -> Int? {
        if keys.count > OrderedPairs.few { return places[HashableValue(value: .text(key))] }
        for index in keys.indices {
            if case .text(let candidate) = keys[index], candidate.bytes == key.bytes { return index }
        }
        return nil
    }

    private func place(_ key: Value) throws -> Int? {
        if case .text(let text) = key { return place(text) }
        try key.checkHashable()
        if keys.count > OrderedPairs.few { return places[HashableValue(value: key)] }
        for index in keys.indices where try keys[index].equals(key) { return index }
        return nil
    }

    func value(_ key: Value) throws -> Value? { try place(key).map { values[$0] } }

    /// Sets the value of a key. A key that is there keeps its place.
    mutating func set(_ key: Value, _ value: Value) throws {
        if let index = try place(key) {
            values[index] = value
            return
        }
        keys.append(key)
        values.append(value)
        if keys.count > OrderedPairs.few {
            if places.isEmpty {
                for index in keys.indices { places[HashableValue(value: keys[index])] = index }
            } else {
                places[HashableValue(value: key)] = keys.count - 1
            }
        }
    }
}

/// A value as a key of a dictionary, once it is known that it can be one.
struct HashableValue: Hashable {
    let value: Value

    static func == (left: HashableValue, right: HashableValue) -> Bool { (try? left.value.equals(right.value)) ?? false }

    func hash(into hasher: inout Hasher) { value.hash(into: &hasher) }
}

extension Value {
    func checkHashable() throws {
        switch self {
        case .list, .dict: throw TemplateError.type("unhashable type: '\(typeName)'")
        case .tuple(let items): for item in items.items { try item.checkHashable() }
        case .object(let object as DictViewValue) where object.kind != .values: throw TemplateError.type("unhashable type: '\(typeName)'")
        default: break
        }
    }

    fileprivate func hash(into hasher: inout Hasher) {
        switch self {
        case .missing, .undefined, .none: hasher.combine(0)
        case .bool, .int, .float:
            let number = number ?? 0
            hasher.combine(number)
        case .text(let text): hasher.combine(text)
        case .tuple(let items): for item in items.items { item.hash(into: &hasher) }
        case .list, .dict: break
        case .object(let range as RangeValue): hasher.combine(range.count)
        case .object(let object): hasher.combine(ObjectIdentifier(object))
        }
    }
}
