extension Value {
    /// Python's `==`.
    func equals(_ other: Value, _ depth: Int = 0) throws -> Bool {
        if depth > Value.depthLimit + 50 { throw TemplateError.limit("RecursionError: maximum recursion depth exceeded in comparison") }
        switch (self, other) {
        case (.text(let a), .text(let b)): return a.bytes == b.bytes
        case (.none, .none): return true
        case (.undefined, .undefined), (.missing, .undefined), (.undefined, .missing), (.missing, .missing): return true
        case (.int(let a), .int(let b)): return a == b
        case (.float(let a), .float(let b)): return a == b
        case (.float(let a), .int(let b)), (.int(let b), .float(let a)): return a == Double(b) && Int(exactly: a) == b
        case (.bool, .bool), (.bool, .int), (.int, .bool), (.bool, .float), (.float, .bool): return number == other.number
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            if a === b { return true }
            if a.items.count != b.items.count { return false }
            for (x, y) in zip(a.items, b.items) where try !x.isOrEquals(y, depth + 1) { return false }
            return true
        case (.dict(let a), .dict(let b)):
            if a === b { return true }
            if a.pairs.count != b.pairs.count { return false }
            for (key, value) in zip(a.pairs.keys, a.pairs.values) {
                guard let found = try b.pairs.value(key), try value.isOrEquals(found, depth + 1) else { return false }
            }
            return true
        case (.object(let a as RangeValue), .object(let b as RangeValue)):
            if a.count != b.count { return false }
            return a.count == 0 || a.start == b.start && (a.count == 1 || a.step == b.step)
        case (.object(let a as DictViewValue), .object(let b as DictViewValue)) where a.kind != .values && b.kind != .values:
            let (left, right) = (try a.items(), try b.items())
            if left.count != right.count { return false }
            for item in left where try !right.contains(where: { try $0.equals(item, depth + 1) }) { return false }
            return true
        case (.object(let a as MethodValue), .object(let b as MethodValue)):
            return a.name == b.name && a.receiver.isSame(b.receiver)
        case (.object(let a as FunctionValue), .object(let b as FunctionValue)): return a.function == b.function
        case (.object(let a), .object(let b)): return a === b
        default: return false
        }
    }

    func isOrEquals(_ other: Value, _ depth: Int = 1) throws -> Bool {
        if case .float(let a) = self, case .float(let b) = other, a.isNaN, b.isNaN { return true }
        return try equals(other, depth)
    }

    /// Python's `is`, as far as values here have an identity.
    func isSame(_ other: Value) -> Bool {
        switch (self, other) {
        case (.none, .none): true
        case (.bool(let a), .bool(let b)): a == b
        case (.int(let a), .int(let b)): a == b
        case (.float(let a), .float(let b)): a == b
        case (.text(let a), .text(let b)): a.bytes == b.bytes
        case (.list(let a), .list(let b)): a === b
        case (.tuple(let a), .tuple(let b)): a === b || a.items.isEmpty && b.items.isEmpty
        case (.dict(let a), .dict(let b)): a === b
        case (.undefined(let a), .undefined(let b)): a === b
        case (.object(let a as FunctionValue), .object(let b as FunctionValue)): a.function == b.function
        case (.object(let a), .object(let b)): a === b
        default: false
        }
    }

    enum Order { case less, equal, greater, unordered }

    /// How Python orders two values; an error where it does not.
    func order(_ other: Value, _ sign: String, _ depth: Int = 0) throws -> Order {
        if depth > Value.depthLimit + 50 { throw TemplateError.limit("RecursionError: maximum recursion depth exceeded in comparison") }
        switch (self, other) {
        case (.int(let a), .int(let b)): return a < b ? .less : a == b ? .equal : .greater
        case (.text(let a), .text(let b)):
            if a.bytes == b.bytes { return .equal }
            return a.bytes.lexicographicallyPrecedes(b.bytes) ? .less : .greater
        case (.bool, _), (.int, _), (.float, _):
            guard let a = number, let b = other.number else { break }
            return a < b ? .less : a == b ? .equal : a > b ? .greater : .unordered
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            for (x, y) in zip(a.items, b.items) where try !x.isOrEquals(y, depth + 1) { return try x.order(y, sign, depth + 1) }
            return a.items.count < b.items.count ? .less : a.items.count == b.items.count ? .equal : .greater
        default: break
        }
        try checkDefined()
        try other.checkDefined()
        throw TemplateError.type("'\(sign)' not supported between instances of '\(typeName)' and '\(other.typeName)'")
    }

    /// An error where the value is undefined, with the reason for which it is.
    func checkDefined() throws {
        switch self {
        case .undefined(let reason):
            throw TemplateError(.evaluation, (reason.isForbidden ? "SecurityError: " : "UndefinedError: ") + reason.message)
        case .missing: throw TemplateError(.evaluation, "UndefinedError: a variable is undefined")
        default: break
        }
    }

    /// Python's `in`.
    func isContained(in container: Value) throws -> Bool {
        switch container {
        case .text(let text):
            guard case .text(let needle) = self else {
                throw TemplateError.type("'in <string>' requires string as left operand, not \(typeName)")
            }
            return text.find(needle.bytes) != nil
        case .dict(let dict): return try dict.pairs.value(self) != nil
        case .list(let items), .tuple(let items): return try items.items.contains { try $0.isOrEquals(self, 1) }
        case .object(let view as DictViewValue) where view.kind == .keys: return try view.dict.pairs.value(self) != nil
        case .object(let range as RangeValue):
            guard let number, let value = Int(exactly: number), range.count > 0 else { return false }
            let (offset, over) = value.subtractingReportingOverflow(range.start)
            return !over && offset % range.step == 0 && offset / range.step >= 0 && offset / range.step < range.count
        default:
            let iteration: Iteration
            do {
                iteration = try container.iteration()
            } catch {
                throw TemplateError.type("argument of type '\(container.typeName)' is not iterable")
            }
            var position = 0
            while let item = try iteration.next(&position) { if try item.isOrEquals(self, 1) { return true } }
            return false
        }
    }
}
