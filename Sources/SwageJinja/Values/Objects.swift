/// What `namespace(...)` makes: the one thing of a template that can change.
final class NamespaceValue: ObjectValue {
    var attributes = OrderedPairs()
    override var typeName: String { "TemplateNamespace" }
}

/// What `range(...)` makes.
final class RangeValue: ObjectValue {
    let start: Int
    let stop: Int
    let step: Int
    let count: Int
    override var typeName: String { "range" }

    init(start: Int, stop: Int, step: Int, count: Int) {
        (self.start, self.stop, self.step, self.count) = (start, stop, step, count)
    }

    func item(_ index: Int) -> Int { start + index * step }
}

/// The keys, values or items of a dictionary.
final class DictViewValue: ObjectValue {
    enum Kind: String { case keys = "dict_keys", values = "dict_values", items = "dict_items" }
    let kind: Kind
    let dict: DictValue
    override var typeName: String { kind.rawValue }
    override var depth: Int { dict.depth }

    init(_ kind: Kind, _ dict: DictValue) { (self.kind, self.dict) = (kind, dict) }

    func items() throws -> [Value] {
        switch kind {
        case .keys: dict.pairs.keys
        case .values: dict.pairs.values
        case .items: try zip(dict.pairs.keys, dict.pairs.values).map { try .tuple([$0, $1]) }
        }
    }
}

/// A macro with the variables around it.
final class MacroValue: ObjectValue {
    let macro: Statement.Macro
    let frame: Frame
    override var typeName: String { "Macro" }

    init(_ macro: Statement.Macro, _ frame: Frame) { (self.macro, self.frame) = (macro, frame) }
}

/// A function of the environment.
final class FunctionValue: ObjectValue {
    let function: Global
    override var typeName: String { "function" }

    init(_ function: Global) { self.function = function }
}

/// A method of a value.
final class MethodValue: ObjectValue {
    let receiver: Value
    let name: String
    override var typeName: String { "builtin_function_or_method" }
    override var depth: Int { receiver.depth + 1 }

    init(_ receiver: Value, _ name: String) { (self.receiver, self.name) = (receiver, name) }
}

/// What `cycler(...)` makes.
final class CyclerValue: ObjectValue {
    let items: [Value]
    var position = 0
    override var typeName: String { "Cycler" }

    init(_ items: [Value]) { self.items = items }
}

/// What `joiner(...)` makes.
final class JoinerValue: ObjectValue {
    let separator: Value
    var isUsed = false
    override var typeName: String { "Joiner" }

    init(_ separator: Value) { self.separator = separator }
}

/// What gives its values one after the other, and once: Python's generators and iterators.
final class IteratorValue: ObjectValue {
    private var produce: (() throws -> Value?)?
    private let nesting: Int
    private let name: String
    override var typeName: String { name }
    override var depth: Int { nesting }

    init(_ name: String = "generator", over depth: Int, _ produce: @escaping () throws -> Value?) throws {
        nesting = try Value.deeper(depth)
        self.name = name
        self.produce = produce
    }

    func next() throws -> Value? {
        guard let produce else { return nil }
        do {
            if let value = try produce() { return value }
        } catch {
            self.produce = nil
            throw error
        }
        self.produce = nil
        return nil
    }

    /// Lets go of what it would have read.
    func close() { produce = nil }
}

/// The `loop` of a loop.
final class LoopValue: ObjectValue {
    private enum Source {
        case items([Value])
        case iterator(IteratorValue)
    }

    private var source: Source
    private var position = 0
    private(set) var index = -1
    private var knownLength: Int?
    private var ahead: Value?
    private(set) var current: Value?
    private(set) var previous: Value?
    let depth0: Int
    /// Renders the loop again over other items, where the loop is recursive.
    let recurse: ((Value, Int) throws -> Value)?
    var lastChanged: [Value]?
    override var typeName: String { "LoopContext" }

    init(_ items: Iteration, depth: Int = 0, recurse: ((Value, Int) throws -> Value)? = nil) {
        switch items {
        case .items(let items):
            source = .items(items)
            knownLength = items.count
        case .iterator(let iterator): source = .iterator(iterator)
        }
        depth0 = depth
        self.recurse = recurse
    }

    private func pull() throws -> Value? {
        switch source {
        case .items(let items):
            guard position < items.count else { return nil }
            position += 1
            return items[position - 1]
        case .iterator(let iterator): return try iterator.next()
        }
    }

    func advance() throws -> Value? {
        let next: Value
        if let ahead {
            next = ahead
            self.ahead = nil
        } else {
            guard let pulled = try pull() else { return nil }
            next = pulled
        }
        index += 1
        previous = current
        current = next
        return next
    }

    func peek() throws -> Value? {
        if ahead == nil { ahead = try pull() }
        return ahead
    }

    func length() throws -> Int {
        if let knownLength { return knownLength }
        var rest: [Value] = []
        while let item = try pull() { rest.append(item) }
        source = .items(rest)
        position = 0
        let length = rest.count + index + 1 + (ahead == nil ? 0 : 1)
        knownLength = length
        return length
    }
}
