extension Interpreter {
    /// The items of what Python can reverse; nil where it cannot.
    func reversible(_ value: Value) throws -> [Value]? {
        switch value {
        case .text(let text) where text.isMarkup: try value.items(meter).map { try $0.asMarkup() }
        case .text, .list, .tuple, .dict, .undefined, .missing: try value.items(meter)
        case .object(let object) where object is RangeValue || object is DictViewValue: try value.items(meter)
        default: nil
        }
    }

    func reversed(_ value: Value) throws -> Value {
        if case .text(let text) = value {
            try meter.take(bytes: text.bytes.count)
            var (result, position) = (Text(), text.bytes.count)
            while position > 0 {
                let start = Text.before(text.bytes, position)
                result.append(text, start, position)
                position = start
            }
            return .text(result.asMarkup(text.isMarkup))
        }
        if let items = try reversible(value) {
            var position = items.count
            return try iterator("list_reverseiterator", over: value.depth) {
                position -= 1
                return position >= 0 ? items[position] : nil
            }
        }
        do {
            return try .list(try value.items(meter).reversed())
        } catch let error as TemplateError where error.message.contains("not iterable") {
            throw TemplateError(.evaluation, "FilterArgumentError: argument must be iterable")
        }
    }

    func itemsFilter(_ value: Value) throws -> Value {
        var (items, position) = ([Value]?.none, 0)
        return try iterator(over: value.depth) {
            if items == nil {
                switch value {
                case .undefined, .missing: items = []
                case .dict(let dict): items = try DictViewValue(.items, dict).items()
                default: throw TemplateError.type("Can only get item pairs from a mapping.")
                }
            }
            defer { position += 1 }
            return items.flatMap { position < $0.count ? $0[position] : nil }
        }
    }

    func join(_ value: Value, _ separator: Value?, _ attribute: Value?) throws -> Text {
        let separator = try separator.map { try text($0) } ?? Text()
        var items: [Value]
        if case .text(let text) = value { try meter.takeValues(text.bytes.count) }
        items = try value.items(meter)
        if let attribute, let path = try AttributePath(attribute) { items = try items.map { try path.value($0, self) } }
        return try joined(separator, try items.map { try text($0) })
    }

    // MARK: What is computed when it is asked for

    /// A generator over the items of a value, with nothing of it looked at before it is asked.
    private func generator(_ value: Value, _ transform: @escaping () throws -> (Value) throws -> Value?) throws -> Value {
        var (iteration, apply, position) = (Iteration?.none, ((Value) throws -> Value?)?.none, 0)
        return try iterator(over: value.depth) { [self] in
            try meter.stack.check()
            if iteration == nil {
                if try !value.isTrue() {
                    iteration = .items([])
                } else {
                    apply = try transform()
                    iteration = try value.iteration()
                }
            }
            guard let iteration, let apply else { return nil }
            while let item = try iteration.next(&position) {
                try meter.spend(2)
                if let result = try apply(item) { return result }
            }
            return nil
        }
    }

    func lazyFilter(_ filter: Filter.Builtin, _ value: Value, _ arguments: Arguments) throws -> Value {
        if filter == .map { return try generator(value) { try self.mapping(arguments) } }
        let isKept = filter == .select || filter == .selectattr
        let isByAttribute = filter == .selectattr || filter == .rejectattr
        return try generator(value) {
            var rest = arguments
            var path: AttributePath?
            if isByAttribute {
                guard let name = rest.positional.first else {
                    throw TemplateError(.evaluation, "FilterArgumentError: Missing parameter for attribute name")
                }
                path = try AttributePath(name)
                rest.positional.removeFirst()
            }
            guard let name = rest.positional.first else {
                return { item in try (path?.value(item, self) ?? item).isTrue() == isKept ? item : nil }
            }
            rest.positional.removeFirst()
            let test = try self.named(name, "test") { Test($0) }
            let others = rest
            return { item in try self.apply(test, path?.value(item, self) ?? item, others) == isKept ? item : nil }
        }
    }

    private func named<Found>(_ name: Value, _ kind: String, _ find: (String) -> Found) throws -> Found {
        try name.checkHashable()
        guard case .text(let text) = name else {
            throw TemplateError(.evaluation, "TemplateRuntimeError: No \(kind) named \(try name.repr().string).")
        }
        return find(text.string)
    }

    private func mapping(_ arguments: Arguments) throws -> (Value) throws -> Value? {
        if arguments.positional.isEmpty, let attribute = arguments.keywords.first(where: { $0.name == "attribute" }) {
            if let other = arguments.keywords.first(where: { $0.name != "attribute" && $0.name != "default" }) {
                throw TemplateError(.evaluation, "FilterArgumentError: Unexpected keyword argument '\(other.name)'")
            }
            let path = try AttributePath(attribute.value, otherwise: arguments.keywords.first { $0.name == "default" }?.value)
            return { try path?.value($0, self) ?? $0 }
        }
        guard let name = arguments.positional.first else {
            throw TemplateError(.evaluation, "FilterArgumentError: map requires a filter argument")
        }
        var rest = arguments
        rest.positional.removeFirst()
        let others = rest
        let filter = try named(name, "filter") { Filter($0) }
        return { try self.apply(filter, $0, others) }
    }

    func groupingFilter(_ filter: Filter.Builtin, _ value: Value, _ arguments: Arguments) throws -> Value {
        let isBatch = filter == .batch
        let values = try arguments.bound(isBatch ? "do_batch" : "do_slice", [isBatch ? "linecount" : "slices", "fill_with"], required: 1)
        let (size, fill) = (values[0] ?? .none, values[1])
        var hasFill = false
        if let fill { if case .none = fill {} else { hasFill = true } }
        var (groups, position) = ([[Value]]?.none, 0)
        return try iterator(over: value.depth + 1) { [self] in
            if groups == nil {
                let items = try value.items(meter)
                groups = try isBatch ? batches(items, size, hasFill ? fill : nil) : slices(items, size, hasFill ? fill : nil)
            }
            guard let groups, position < groups.count else { return nil }
            position += 1
            return try .list(groups[position - 1])
        }
    }

    private func batches(_ items: [Value], _ size: Value, _ fill: Value?) throws -> [[Value]] {
        var (result, batch) = ([[Value]](), [Value]())
        for item in items {
            if let number = size.number, Double(batch.count) == number {
                result.append(batch)
                batch = []
            }
            batch.append(item)
        }
        if batch.isEmpty { return result }
        if let fill {
            guard let number = size.number else { throw TemplateError.type("'<' not supported between 'int' and '\(size.typeName)'") }
            if Double(batch.count) < number {
                let missing = try integer(size) - batch.count
                try meter.take(bytes: 24 * missing)
                batch.append(contentsOf: repeatElement(fill, count: missing))
            }
        }
        return result + [batch]
    }

    private func slices(_ items: [Value], _ count: Value, _ fill: Value?) throws -> [[Value]] {
        try count.checkDefined()
        let count = try integer(count)
        if count == 0 { throw TemplateError(.evaluation, "ZeroDivisionError: integer division or modulo by zero") }
        if count < 0 { return [] }
        try meter.take(bytes: 32 * count)
        let (size, longer) = (items.count / count, items.count % count)
        var (result, start) = ([[Value]](), 0)
        for index in 0..<count {
            let end = start + size + (index < longer ? 1 : 0)
            var part = Array(items[start..<end])
            if let fill, index >= longer { part.append(fill) }
            result.append(part)
            start = end
        }
        return result
    }
}
