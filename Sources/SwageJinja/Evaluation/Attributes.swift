extension Interpreter {
    /// Jinja's `object.name`: an attribute, or else an item.
    func attribute(_ name: AttributeName, of object: Value) throws -> Value {
        switch object {
        case .dict(let dict):
            if name.mayBeMethod, let found = Methods.attribute(name.string, of: object) { return found }
            return dict.pairs.value(name.text) ?? .undefined(name.missing)
        case .undefined, .missing:
            if Methods.ofAnyObject.contains(name.string) { return Interpreter.hidden(name.string, object) }
            try object.checkDefined()
            return object
        default: return try property(name.string, of: object) ?? Interpreter.absent(name.string, object)
        }
    }

    /// Jinja's `object[index]`: an item, or else an attribute.
    func item(_ index: Value, of object: Value) throws -> Value {
        try object.checkDefined()
        if let found = try element(index, of: object) { return found }
        guard case .text(let name) = index else {
            return .undefined(UndefinedReason("\(Interpreter.describe(object)) has no element \(try index.repr().string)"))
        }
        return try property(name.string, of: object) ?? Interpreter.absent(name.string, object)
    }

    private static func describe(_ object: Value) -> String {
        if case .none = object { return "None" }
        return "\(object.typeName) object"
    }

    static func absent(_ name: String, _ object: Value) -> Value {
        .undefined(UndefinedReason("'\(describe(object))' has no attribute '\(name)'"))
    }

    static func hidden(_ name: String, _ object: Value) -> Value {
        .undefined(UndefinedReason("access to attribute '\(name)' of '\(object.typeName)' object is unsafe.", isForbidden: true))
    }

    private func element(_ index: Value, of object: Value) throws -> Value? {
        switch object {
        case .dict(let dict):
            if case .text(let key) = index { return dict.pairs.value(key) }
            do {
                return try dict.pairs.value(index)
            } catch let error as TemplateError where error.kind == .evaluation {
                return nil
            }
        case .list(let items), .tuple(let items):
            guard let index = index.index else { return nil }
            let place = index < 0 ? index + items.items.count : index
            return items.items.indices.contains(place) ? items.items[place] : nil
        case .text(let text):
            guard let index = index.index else { return nil }
            try meter.spend(text.bytes.count >> 6)
            let count = text.count
            let place = index < 0 ? index + count : index
            if place < 0 || place >= count { return nil }
            let start = text.isASCII ? place : text.offset(of: place)
            return .text(text.slice(start, start + text.scalar(at: start).length).asMarkup(text.isMarkup))
        case .object(let range as RangeValue):
            guard let index = index.index else { return nil }
            let place = index < 0 ? index + range.count : index
            return (0..<range.count).contains(place) ? .int(range.item(place)) : nil
        default: return nil
        }
    }

    /// What Python's `getattr` finds, or nil.
    func property(_ name: String, of object: Value) throws -> Value? {
        switch object {
        case .object(let namespace as NamespaceValue): return namespace.attributes.value(Text(name))
        case .object(let loop as LoopValue): return try property(name, loop, object)
        case .object(let macro as MacroValue): return try property(name, macro)
        case .object(let cycler as CyclerValue):
            switch name {
            case "current": return cycler.items[cycler.position]
            case "items": return try .tuple(cycler.items)
            case "pos": return .int(cycler.position)
            case "next", "reset": return .object(MethodValue(object, name))
            default: return nil
            }
        case .object(let joiner as JoinerValue):
            return name == "sep" ? joiner.separator : name == "used" ? .bool(joiner.isUsed) : nil
        case .object(let range as RangeValue):
            switch name {
            case "start": return .int(range.start)
            case "stop": return .int(range.stop)
            case "step": return .int(range.step)
            case "count", "index": return .object(MethodValue(object, name))
            default: return nil
            }
        case .object(let function as FunctionValue):
            return function.function == .dict && name == "fromkeys" ? .object(MethodValue(object, name)) : nil
        case .tuple(let items) where items.isGroup && (name == "grouper" || name == "list"):
            return items.items[name == "grouper" ? 0 : 1]
        case .int, .bool, .float:
            if Methods.numbers.contains(name) { throw TemplateError.unsupported("attribute '\(name)' of a number") }
            return nil
        case .object(_ as IteratorValue) where ["send", "throw", "close"].contains(name):
            throw TemplateError.unsupported("attribute '\(name)' of a generator")
        default: return Methods.attribute(name, of: object)
        }
    }

    private func property(_ name: String, _ loop: LoopValue, _ object: Value) throws -> Value? {
        switch name {
        case "index": return .int(loop.index + 1)
        case "index0": return .int(loop.index)
        case "first": return .bool(loop.index == 0)
        case "last": return .bool(try loop.peek() == nil)
        case "length": return .int(try loop.length())
        case "revindex": return .int(try loop.length() - loop.index)
        case "revindex0": return .int(try loop.length() - loop.index - 1)
        case "depth": return .int(loop.depth0 + 1)
        case "depth0": return .int(loop.depth0)
        case "previtem":
            return loop.index == 0 ? .undefined(UndefinedReason("there is no previous item")) : loop.previous
        case "nextitem": return try loop.peek() ?? .undefined(UndefinedReason("there is no next item"))
        case "cycle", "changed": return .object(MethodValue(object, name))
        default: return nil
        }
    }

    private func property(_ name: String, _ value: MacroValue) throws -> Value? {
        let scope = table.scopes[value.macro.scope]
        switch name {
        case "name": return value.macro.name.map { .string($0) } ?? Value.none
        case "arguments": return try .tuple(value.macro.parameters.map { .string($0.name) })
        case "catch_kwargs": return .bool(scope.keywords >= 0)
        case "catch_varargs": return .bool(scope.rest >= 0)
        case "caller": return .bool(scope.caller >= 0 || scope.explicitCaller >= 0 && false)
        case "explicit_caller": return .bool(scope.explicitCaller >= 0)
        default: return nil
        }
    }
}
