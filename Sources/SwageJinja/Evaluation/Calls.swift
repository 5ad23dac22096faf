/// The arguments of a call, evaluated.
struct Arguments {
    var positional: [Value]
    var keywords: [(name: String, value: Value)]

    init(_ positional: [Value], _ keywords: [(name: String, value: Value)] = []) {
        (self.positional, self.keywords) = (positional, keywords)
    }

    /// The values of parameters, in their order; nil for those that are not given.
    func bound(_ function: String, _ names: [String], required: Int = 0) throws -> [Value?] {
        if keywords.isEmpty, positional.count == names.count { return positional }
        if positional.count > names.count {
            throw TemplateError.type("\(function)() takes at most \(names.count) arguments (\(positional.count) given)")
        }
        var result: [Value?] = positional
        result.append(contentsOf: repeatElement(nil, count: names.count - positional.count))
        for keyword in keywords {
            guard let index = names.firstIndex(of: keyword.name) else {
                throw TemplateError.type("\(function)() got an unexpected keyword argument '\(keyword.name)'")
            }
            if result[index] != nil { throw TemplateError.type("\(function)() got multiple values for argument '\(keyword.name)'") }
            result[index] = keyword.value
        }
        for index in 0..<required where result[index] == nil {
            throw TemplateError.type("\(function)() missing 1 required positional argument: '\(names[index])'")
        }
        return result
    }

    /// Positional arguments, where there may be no others.
    func only(_ function: String, _ count: ClosedRange<Int>) throws -> [Value] {
        if !keywords.isEmpty { throw TemplateError.type("\(function)() takes no keyword arguments") }
        if !count.contains(positional.count) {
            throw TemplateError.type(
                "\(function)() takes \(count.count == 1 ? "exactly" : "from \(count.lowerBound) to") \(count.upperBound) arguments "
                    + "(\(positional.count) given)")
        }
        return positional
    }
}

extension Interpreter {
    func evaluated(_ list: ArgumentList, _ frame: Frame) throws -> Arguments {
        if list.isPlain { return Arguments(list.positional.isEmpty ? [] : try evaluated(list.positional, frame)) }
        var result = Arguments(try evaluated(list.positional, frame))
        for keyword in list.keywords { result.keywords.append((keyword.name, try evaluate(keyword.value, frame))) }
        if let star = list.star {
            let value = try evaluate(star, frame)
            do {
                result.positional.append(contentsOf: try value.items(meter))
            } catch let error as TemplateError where error.message.contains("not iterable") {
                throw TemplateError.type("argument after * must be an iterable, not \(value.typeName)")
            }
        }
        if let doubleStar = list.doubleStar {
            guard case .dict(let dict) = try evaluate(doubleStar, frame) else {
                throw TemplateError.type("argument after ** must be a mapping")
            }
            for (key, value) in zip(dict.pairs.keys, dict.pairs.values) {
                guard case .text(let name) = key else { throw TemplateError.type("keywords must be strings") }
                let string = name.string
                if result.keywords.contains(where: { $0.name == string }) {
                    throw TemplateError.type("got multiple values for keyword argument '\(string)'")
                }
                result.keywords.append((string, value))
            }
        }
        return result
    }

    func evaluateCall(_ expression: Expression, _ frame: Frame, caller: Value?) throws -> Value {
        guard case .call(let callee, let list, let line) = expression else { return try evaluate(expression, frame) }
        let function = try evaluate(callee, frame)
        var arguments = try evaluated(list, frame)
        self.line = line
        if let caller {
            if arguments.keywords.contains(where: { $0.name == "caller" }) {
                throw TemplateError.type("got multiple values for keyword argument 'caller'")
            }
            arguments.keywords.append(("caller", caller))
        }
        return try call(function, arguments)
    }

    /// What the filters of a block make of its text.
    func evaluateBlockFilter(_ expression: Expression, _ text: Text, _ frame: Frame) throws -> Value {
        guard case .filter(let operand, let filter, let list, let line) = expression else { return .text(text) }
        let value = try operand.map { try evaluateBlockFilter($0, text, frame) } ?? .text(text)
        let arguments = try evaluated(list, frame)
        self.line = line
        return try apply(filter, value, arguments)
    }

    func call(_ function: Value, _ arguments: Arguments) throws -> Value {
        try function.checkDefined()
        guard case .object(let object) = function else { throw TemplateError.type("'\(function.typeName)' object is not callable") }
        switch object {
        case let macro as MacroValue: return try call(macro, arguments)
        case let function as FunctionValue: return try call(function.function, arguments)
        case let method as MethodValue: return try call(method, arguments)
        case let joiner as JoinerValue:
            _ = try arguments.only("Joiner", 0...0)
            defer { joiner.isUsed = true }
            return joiner.isUsed ? joiner.separator : .text(Text())
        case let loop as LoopValue:
            let values = try arguments.bound("__call__", ["iterable"], required: 1)
            guard let recurse = loop.recurse else {
                throw TemplateError.type("The loop must have the 'recursive' marker to be called recursively.")
            }
            return try recurse(values[0] ?? .none, loop.depth0 + 1)
        default: throw TemplateError.type("'\(object.typeName)' object is not callable")
        }
    }

    func call(_ value: MacroValue, _ arguments: Arguments) throws -> Value {
        try meter.stack.check()
        recursion += 1
        defer { recursion -= 1 }
        if recursion > limits.recursion { throw TemplateError.limit("RecursionError: maximum recursion depth exceeded") }
        let (macro, scope) = (value.macro, table.scopes[value.macro.scope])
        let frame = frame(macro.scope, parent: value.frame)
        try meter.take(bytes: 64 + 24 * scope.slotCount)
        var given = macro.parameters.indices.map { $0 < arguments.positional.count ? arguments.positional[$0] : Value.missing }
        try bind(value, arguments, scope, &given, frame)
        enter(macro.scope, frame)
        for (index, parameter) in macro.parameters.enumerated() { store(given[index], parameter.occurrence, frame) }
        for (index, parameter) in macro.parameters.enumerated() {
            guard case .missing = given[index] else { continue }
            let place = index - (macro.parameters.count - macro.defaults.count)
            let value =
                place >= 0
                ? try evaluate(macro.defaults[place], frame)
                : .undefined(UndefinedReason("parameter '\(parameter.name)' was not provided"))
            store(value, parameter.occurrence, frame)
        }
        let text = try captured {
            _ = try execute(macro.body, frame)
            return true
        }
        return .text(text ?? Text())
    }

    private func bind(
        _ value: MacroValue, _ arguments: Arguments, _ scope: ScopeTable.Scope, _ given: inout [Value], _ frame: Frame
    ) throws {
        let (macro, count) = (value.macro, value.macro.parameters.count)
        let name = macro.name.map { "'\($0)'" } ?? "None"
        var keywords = arguments.keywords
        func take(_ name: String) -> Value? {
            keywords.firstIndex { $0.name == name }.map { keywords.remove(at: $0).value }
        }
        var isCallerFound = arguments.positional.count >= count && scope.explicitCaller >= 0
        if arguments.positional.count < count {
            for index in arguments.positional.count..<count {
                given[index] = take(macro.parameters[index].name) ?? .missing
                if macro.parameters[index].name == "caller" { isCallerFound = true }
            }
        }
        if scope.caller >= 0, !isCallerFound {
            var caller = take("caller") ?? .none
            if case .none = caller { caller = .undefined(UndefinedReason("No caller defined")) }
            frame.slots[scope.caller] = caller
        }
        if scope.keywords >= 0 {
            var pairs = OrderedPairs()
            for keyword in keywords { try pairs.set(.string(keyword.name), keyword.value) }
            frame.slots[scope.keywords] = .dict(try DictValue(pairs))
        } else if let first = keywords.first {
            if keywords.contains(where: { $0.name == "caller" }) {
                throw TemplateError.type(
                    "macro \(name) was invoked with two values for the special caller argument. This is most likely a bug.")
            }
            throw TemplateError.type("macro \(name) takes no keyword argument '\(first.name)'")
        }
        if scope.rest >= 0 {
            frame.slots[scope.rest] = try .tuple(Array(arguments.positional.dropFirst(count)))
        } else if arguments.positional.count > count {
            throw TemplateError.type("macro \(name) takes not more than \(count) argument(s)")
        }
    }
}
