/// The way to a value through attributes and items: `"address.city"`, `"0.name"`.
struct AttributePath {
    private let parts: [Value]
    private let otherwise: Value?

    /// Nil where there is no path at all.
    init?(_ attribute: Value, otherwise: Value? = nil) throws {
        if let otherwise, case .none = otherwise { self.otherwise = nil } else { self.otherwise = otherwise }
        switch attribute {
        case .none: return nil
        case .text(let text):
            parts = try text.split(Text("."), limit: -1).map { part in
                guard part.satisfies(CharacterClass.isDigit) else { return .text(part) }
                guard let number = try Interpreter.integer(part, 10) else {
                    throw TemplateError.value("invalid literal for int() with base 10: '\(part.string)'")
                }
                return .int(number)
            }
        default: parts = [attribute]
        }
    }

    func value(_ item: Value, _ interpreter: Interpreter) throws -> Value {
        var result = item
        for part in parts {
            result = try interpreter.item(part, of: result)
            if let otherwise, result.isUndefined { result = otherwise }
        }
        return result
    }
}

extension Interpreter {
    private func key(_ value: Value, isCaseSensitive: Bool) throws -> Value {
        guard !isCaseSensitive, case .text(let text) = value else { return value }
        try meter.take(bytes: text.bytes.count)
        return .text(text.lowercased())
    }

    /// Sorts as Python does, asking only what comes before what, and keeping the order of equals.
    private func sorted(_ items: [Value], by keys: [Value], isReversed: Bool) throws -> [Value] {
        var places = Array(items.indices)
        if isReversed { places.reverse() }
        var buffer = places
        var width = 1
        while width < places.count {
            var start = 0
            while start < places.count {
                let (middle, end) = (min(start + width, places.count), min(start + 2 * width, places.count))
                var (left, right, out) = (start, middle, start)
                while left < middle || right < end {
                    try meter.spend(1)
                    var takesRight = left >= middle
                    if !takesRight, right < end { takesRight = try keys[places[right]].order(keys[places[left]], "<") == .less }
                    buffer[out] = takesRight ? places[right] : places[left]
                    if takesRight { right += 1 } else { left += 1 }
                    out += 1
                }
                start = end
            }
            swap(&places, &buffer)
            width *= 2
        }
        let result = places.map { items[$0] }
        return isReversed ? result.reversed() : result
    }

    func orderFilter(_ filter: Filter.Builtin, _ value: Value, _ arguments: Arguments) throws -> Value {
        switch filter {
        case .sort:
            let values = try arguments.bound("do_sort", ["reverse", "case_sensitive", "attribute"])
            let isCaseSensitive = try values[1]?.isTrue() ?? false
            var paths: [AttributePath?] = [try values[2].flatMap { try AttributePath($0) }]
            if case .text(let text) = values[2] {
                paths = try text.split(Text(","), limit: -1).map { try AttributePath(.text($0)) }
            }
            let items = try value.items(meter)
            let keys = try items.map { item in
                try Value.tuple(
                    paths.map { try key($0?.value(item, self) ?? item, isCaseSensitive: isCaseSensitive) })
            }
            return try .list(try sorted(items, by: keys, isReversed: try values[0].map(reversing) ?? false))
        case .unique:
            let values = try arguments.bound("do_unique", ["case_sensitive", "attribute"])
            return try unique(value, try values[0]?.isTrue() ?? false, values[1])
        case .min, .max:
            let values = try arguments.bound(filter.rawValue, ["case_sensitive", "attribute"])
            let path = try values[1].flatMap { try AttributePath($0) }
            let isCaseSensitive = try values[0]?.isTrue() ?? false
            var (best, bestKey): (Value?, Value) = (nil, .none)
            for item in try value.items(meter) {
                let key = try key(path?.value(item, self) ?? item, isCaseSensitive: isCaseSensitive)
                let wanted: Value.Order = filter == .min ? .less : .greater
                if best != nil, try key.order(bestKey, filter == .min ? "<" : ">") != wanted { continue }
                (best, bestKey) = (item, key)
            }
            return best ?? .undefined(UndefinedReason("No aggregated item, sequence was empty."))
        case .sum:
            let values = try arguments.bound("do_sum", ["attribute", "start"])
            let path = try values[0].flatMap { try AttributePath($0) }
            var result = values[1] ?? .int(0)
            let items = try value.items(meter)
            if case .text = result { throw TemplateError.type("sum() can't sum strings [use ''.join(seq) instead]") }
            for item in items { result = try Arithmetic.apply(.add, result, try path?.value(item, self) ?? item, self) }
            return result
        case .groupby: return try grouped(value, arguments)
        default: return try dictSorted(value, arguments)
        }
    }

    /// Python takes an integer for the order of a sort.
    private func reversing(_ value: Value) throws -> Bool { try integer(value) != 0 }

    private func unique(_ value: Value, _ isCaseSensitive: Bool, _ attribute: Value?) throws -> Value {
        let path = try attribute.flatMap { try AttributePath($0) }
        var (iteration, seen, position) = (Iteration?.none, OrderedPairs(), 0)
        return try iterator(over: value.depth) { [self] in
            if iteration == nil { iteration = try value.iteration() }
            guard let iteration else { return nil }
            while let item = try iteration.next(&position) {
                try meter.take(bytes: 64)
                let key = try key(path?.value(item, self) ?? item, isCaseSensitive: isCaseSensitive)
                if try seen.value(key) != nil { continue }
                try seen.set(key, .none)
                return item
            }
            return nil
        }
    }

    private func grouped(_ value: Value, _ arguments: Arguments) throws -> Value {
        let values = try arguments.bound("do_groupby", ["attribute", "default", "case_sensitive"], required: 1)
        let path = try AttributePath(values[0] ?? .none, otherwise: values[1])
        let isCaseSensitive = try values[2]?.isTrue() ?? false
        func keyed(_ item: Value) throws -> Value {
            try key(path?.value(item, self) ?? item, isCaseSensitive: isCaseSensitive)
        }
        let items = try value.items(meter)
        var (groups, last) = ([[Value]](), Value.missing)
        for item in try sorted(items, by: try items.map(keyed), isReversed: false) {
            let key = try keyed(item)
            if try groups.isEmpty || !key.isOrEquals(last) { groups.append([]) }
            groups[groups.count - 1].append(item)
            last = key
        }
        return try .list(
            groups.map { group in
                .tuple(try SequenceValue([try path?.value(group[0], self) ?? group[0], .list(group)], isGroup: true))
            })
    }

    private func dictSorted(_ value: Value, _ arguments: Arguments) throws -> Value {
        let values = try arguments.bound("do_dictsort", ["case_sensitive", "by", "reverse"])
        var by = "key"
        if let given = values[1] { by = if case .text(let text) = given { text.string } else { "" } }
        if by != "key", by != "value" {
            throw TemplateError(.evaluation, "FilterArgumentError: You can only sort by either \"key\" or \"value\"")
        }
        try value.checkDefined()
        guard case .dict(let dict) = value else {
            throw TemplateError(.evaluation, "AttributeError: '\(value.typeName)' object has no attribute 'items'")
        }
        let isCaseSensitive = try values[0]?.isTrue() ?? false
        let keys = try (by == "key" ? dict.pairs.keys : dict.pairs.values).map { try key($0, isCaseSensitive: isCaseSensitive) }
        let items = try DictViewValue(.items, dict).items()
        return try .list(try sorted(items, by: keys, isReversed: try values[2].map(reversing) ?? false))
    }
}
