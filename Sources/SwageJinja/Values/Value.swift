/// A value while a template runs, with Python's semantics.
enum Value {
    /// A variable that was never stored: to be read as undefined.
    case missing
    case undefined(UndefinedReason)
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case text(Text)
    case list(SequenceValue)
    case tuple(SequenceValue)
    case dict(DictValue)
    case object(ObjectValue)

    static func list(_ items: [Value]) throws -> Value { .list(try SequenceValue(items)) }
    static func tuple(_ items: [Value]) throws -> Value { .tuple(try SequenceValue(items)) }
    static func string(_ string: String) -> Value { .text(Text(string)) }

    var isUndefined: Bool {
        switch self {
        case .undefined, .missing: true
        default: false
        }
    }

    /// Containers within one another. Namespaces count as nothing, because what they hold may change.
    var depth: Int {
        switch self {
        case .list(let items), .tuple(let items): items.depth
        case .dict(let dict): dict.depth
        case .object(let object): object.depth
        default: 0
        }
    }

    static let depthLimit = 100
    static let weightLimit = 2_000_000

    /// Values within one another, each counted as often as it is met on the way through.
    var weight: Int {
        switch self {
        case .list(let items), .tuple(let items): items.weight
        case .dict(let dict): dict.weight
        default: 1
        }
    }

    static func weight(_ values: [Value]...) throws -> Int {
        var sum = 1
        for value in values.joined() { sum += value.weight }
        if sum > weightLimit { throw TemplateError.limit("a value of more than \(weightLimit) values") }
        return sum
    }

    static func deeper(_ depth: Int) throws -> Int {
        if depth >= depthLimit { throw TemplateError.limit("values nested more than \(depthLimit) deep") }
        return depth + 1
    }

    /// Python's name of the type.
    var typeName: String {
        switch self {
        case .missing, .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .int: "int"
        case .float: "float"
        case .text: "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dict: "dict"
        case .object(let object): object.typeName
        }
    }

    /// The integer that a number without a fraction is to Python's indices.
    var index: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .int(let value): value
        default: nil
        }
    }

    var number: Double? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .int(let value): Double(value)
        case .float(let value): value
        default: nil
        }
    }
}

/// The items of a list or a tuple. No template can change them: the sandbox forbids it.
final class SequenceValue {
    let items: [Value]
    let depth: Int
    let weight: Int
    /// Whether this is a group of `groupby`, whose two items have names.
    let isGroup: Bool

    init(_ items: [Value], isGroup: Bool = false) throws {
        self.items = items
        self.isGroup = isGroup
        var deepest = 0
        for item in items { deepest = max(deepest, item.depth) }
        depth = try Value.deeper(deepest)
        weight = try Value.weight(items)
    }
}

/// A dictionary, which no template can change.
final class DictValue {
    let pairs: OrderedPairs
    let depth: Int
    let weight: Int

    init(_ pairs: OrderedPairs) throws {
        self.pairs = pairs
        var deepest = 0
        for value in pairs.values { deepest = max(deepest, value.depth) }
        for key in pairs.keys { deepest = max(deepest, key.depth) }
        depth = try Value.deeper(deepest)
        weight = try Value.weight(pairs.keys, pairs.values)
    }
}

/// Whatever else a value may be.
class ObjectValue {
    var typeName: String { "object" }
    var depth: Int { 0 }
}
