/// The variables of a function while it runs.
final class Frame {
    var slots: ContiguousArray<Value>
    let parent: Frame?

    init(_ count: Int, parent: Frame?) {
        slots = ContiguousArray(repeating: .missing, count: count)
        self.parent = parent
    }
}

/// Renders one template once.
final class Interpreter {
    let table: ScopeTable
    let limits: TemplateLimits
    let clock: TemplateClock
    let meter: Meter
    /// The values of the context's names, in the table's order.
    var globals: [Value] = []
    /// What is being written: the rendering, or what a macro or a block captures.
    var output = Text()
    var captures = 0
    /// How long the rendering was when the outermost capture began.
    var renderedBytes = 0
    var generations: [Range<Int>] = []
    var usedClock = false
    var line = 0
    var recursion = 0
    /// What may hold itself in a circle, to be emptied in the end.
    private var frames: [Frame] = []
    private var namespaces: [NamespaceValue] = []
    private var iterators: [IteratorValue] = []

    init(_ table: ScopeTable, limits: TemplateLimits, clock: TemplateClock) {
        self.table = table
        self.limits = limits
        self.clock = clock
        meter = Meter(limits)
    }

    func render(_ statements: [Statement], _ context: [String: TemplateValue]) throws -> Rendering {
        do {
            globals.reserveCapacity(table.globals.count)
            for name in table.globals {
                if let value = context[name] {
                    globals.append(try self.value(value))
                } else {
                    globals.append(Global(rawValue: name).map { .object(FunctionValue($0)) } ?? .missing)
                }
            }
            let frame = frame(0, parent: nil)
            enter(0, frame)
            output.bytes.reserveCapacity(1024)
            _ = try execute(statements, frame)
        } catch var error as TemplateError {
            if error.line == 0 { error.line = line }
            throw error
        }
        return rendering()
    }

    private func rendering() -> Rendering {
        var (runs, start) = ([OwnerRun](), 0)
        if output.runs.isEmpty, !output.isEmpty { runs.append(OwnerRun(count: output.bytes.count, owner: output.owner)) }
        for run in output.runs {
            runs.append(OwnerRun(count: run.end - start, owner: run.owner))
            start = run.end
        }
        let end = output.bytes.count
        let spans = generations.map { min($0.lowerBound, end)..<min($0.upperBound, end) }
        return Rendering(text: output.string, runs: runs, generations: spans, usedClock: usedClock)
    }

    /// Lets go of what holds itself in a circle.
    func release() {
        for iterator in iterators { iterator.close() }
        for frame in frames { frame.slots = [] }
        for namespace in namespaces { namespace.attributes = OrderedPairs() }
    }

    // MARK: Frames

    func frame(_ scope: Int, parent: Frame?) -> Frame {
        let frame = Frame(table.scopes[scope].slotCount, parent: parent)
        return frame
    }

    /// Remembers a frame that a value holds on to.
    func keep(_ frame: Frame) {
        var frame: Frame? = frame
        while let kept = frame, !(frames.last === kept) {
            frames.append(kept)
            frame = kept.parent
        }
    }

    func keep(_ namespace: NamespaceValue) { namespaces.append(namespace) }
    func keep(_ iterator: IteratorValue) { iterators.append(iterator) }

    func iterator(_ name: String = "generator", over depth: Int, _ produce: @escaping () throws -> Value?) throws -> Value {
        try meter.take(bytes: 100)
        let iterator = try IteratorValue(name, over: depth, produce)
        iterators.append(iterator)
        return .object(iterator)
    }

    @inline(__always) func outer(_ frame: Frame, _ hops: Int) -> Frame {
        var (frame, left) = (frame, hops)
        while left > 0, let parent = frame.parent { (frame, left) = (parent, left - 1) }
        return frame
    }

    func enter(_ scope: Int, _ frame: Frame) {
        for load in table.scopes[scope].loads {
            switch load.source {
            case .context(let index): frame.slots[load.slot] = globals[index]
            case .variable(let hops, let slot): frame.slots[load.slot] = outer(frame, hops).slots[slot]
            case .missing: frame.slots[load.slot] = .missing
            }
        }
    }

    func leave(_ scope: Int, _ frame: Frame) {
        for slot in table.scopes[scope].slots { frame.slots[slot] = .missing }
    }

    func store(_ value: Value, _ occurrence: Int, _ frame: Frame) {
        let reference = table.references[occurrence]
        outer(frame, reference.hops).slots[reference.slot] = value
        if reference.exported >= 0 { globals[reference.exported] = value }
    }

    // MARK: Texts

    func write(_ text: Text) throws {
        output.append(text)
        if output.bytes.count > limits.outputBytes { throw TemplateError.limit("more than \(limits.outputBytes) bytes of output") }
    }

    /// What some statements write, as a text of its own.
    func captured(_ body: () throws -> Bool) throws -> Text? {
        if captures == 0 { renderedBytes = output.bytes.count }
        captures += 1
        var saved = Text()
        swap(&saved, &output)
        defer {
            swap(&saved, &output)
            captures -= 1
        }
        let isWhole = try body()
        try meter.take(bytes: output.bytes.count)
        return isWhole ? output : nil
    }

    func text(_ value: Value) throws -> Text {
        if case .text(let text) = value { return text }
        let text = try value.str()
        try meter.take(bytes: text.bytes.count)
        return text
    }

    // MARK: Values from outside

    private func value(_ value: TemplateValue, _ depth: Int = 0) throws -> Value {
        switch value {
        case .undefined: return .undefined(UndefinedReason("a value is undefined"))
        case .none: return .none
        case .bool(let value): return .bool(value)
        case .int(let value): return .int(value)
        case .float(let value): return .float(value)
        case .text(let text, let owner): return .text(Text(text, owner: owner))
        case .list(let items):
            if depth > Value.depthLimit { throw TemplateError.limit("values nested more than \(Value.depthLimit) deep") }
            return try .list(items.map { try self.value($0, depth + 1) })
        case .tuple(let items):
            if depth > Value.depthLimit { throw TemplateError.limit("values nested more than \(Value.depthLimit) deep") }
            return try .tuple(items.map { try self.value($0, depth + 1) })
        case .dict(let pairs):
            if depth > Value.depthLimit { throw TemplateError.limit("values nested more than \(Value.depthLimit) deep") }
            var result = OrderedPairs()
            for (key, item) in pairs { try result.set(self.value(key, depth + 1), self.value(item, depth + 1)) }
            return .dict(try DictValue(result))
        }
    }
}
