/// What a loop goes over: items that are there, or one after the other.
enum Iteration {
    case items([Value])
    case iterator(IteratorValue)

    func next(_ position: inout Int) throws -> Value? {
        switch self {
        case .items(let items):
            guard position < items.count else { return nil }
            position += 1
            return items[position - 1]
        case .iterator(let iterator): return try iterator.next()
        }
    }
}

extension Value {
    /// What Python's `iter` goes over.
    func iteration() throws -> Iteration {
        switch self {
        case .text(let text): return .items(text.characters().map { .text($0) })
        case .list(let items), .tuple(let items): return .items(items.items)
        case .dict(let dict): return .items(dict.pairs.keys)
        case .undefined, .missing: return .items([])
        case .object(let iterator as IteratorValue): return .iterator(iterator)
        case .object(let range as RangeValue): return .items((0..<range.count).map { .int(range.item($0)) })
        case .object(let view as DictViewValue): return .items(try view.items())
        case .object(let loop as LoopValue):
            return .iterator(
                try IteratorValue(over: 0) { try loop.advance().map { try .tuple([$0, .object(loop)]) } })
        default: throw TemplateError.type("'\(typeName)' object is not iterable")
        }
    }

    /// All that Python's `list` of it holds.
    func items(_ meter: Meter) throws -> [Value] {
        if case .text(let text) = self { try meter.takeValues(text.bytes.count) }
        switch try iteration() {
        case .items(let items):
            try meter.spend(items.count)
            return items
        case .iterator(let iterator):
            var result: [Value] = []
            while let item = try iterator.next() {
                try meter.spend(1)
                result.append(item)
            }
            return result
        }
    }

    /// Python's `len`.
    func length() throws -> Int {
        switch self {
        case .text(let text): text.count
        case .list(let items), .tuple(let items): items.items.count
        case .dict(let dict): dict.pairs.count
        case .undefined, .missing: 0
        case .object(let range as RangeValue): range.count
        case .object(let view as DictViewValue): view.dict.pairs.count
        case .object(let loop as LoopValue): try loop.length()
        default: throw TemplateError.type("object of type '\(typeName)' has no len()")
        }
    }

    /// Python's truth.
    func isTrue() throws -> Bool {
        switch self {
        case .missing, .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .float(let value): value != 0
        case .text(let text): !text.isEmpty
        case .list(let items), .tuple(let items): !items.items.isEmpty
        case .dict(let dict): dict.pairs.count > 0
        case .object(let range as RangeValue): range.count > 0
        case .object(let view as DictViewValue): view.dict.pairs.count > 0
        case .object(let loop as LoopValue): try loop.length() > 0
        case .object: true
        }
    }
}

/// Counts what a rendering spends, and stops it at its limits.
final class Meter {
    private var steps: Int
    private var bytes: Int
    let textBytes: Int
    let stack: StackGuard

    init(_ limits: TemplateLimits) {
        steps = limits.steps
        bytes = limits.valueBytes
        textBytes = limits.outputBytes
        stack = StackGuard(room: limits.stackBytes)
    }

    @inline(__always) func spend(_ count: Int) throws {
        steps &-= count
        if steps < 0 { throw TemplateError.limit("the template takes too many steps") }
    }

    /// Room for so many values that each have memory of their own.
    func takeValues(_ count: Int) throws {
        bytes &-= 64 * count
        if bytes < 0 { throw TemplateError.limit("the template's values take too much memory") }
        try spend(4 * count)
    }

    /// Room for a text or so many values of 24 bytes.
    @inline(__always) func take(bytes count: Int) throws {
        if count > textBytes { throw TemplateError.limit("a text of more than \(textBytes) bytes") }
        bytes &-= count
        steps &-= count >> 7
        if bytes < 0 { throw TemplateError.limit("the template's values take too much memory") }
        if steps < 0 { throw TemplateError.limit("the template takes too many steps") }
    }
}
