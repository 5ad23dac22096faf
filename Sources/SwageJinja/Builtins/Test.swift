/// A test by its name.
struct Test: Sendable {
    static let names: Set<String> = [
        "odd", "even", "divisibleby", "defined", "undefined", "filter", "test", "none", "boolean", "false", "true", "integer", "float",
        "lower", "upper", "string", "mapping", "number", "sequence", "iterable", "callable", "sameas", "escaped", "in", "==", "eq",
        "equalto", "!=", "ne", ">", "gt", "greaterthan", "ge", ">=", "<", "lt", "lessthan", "<=", "le",
    ]

    let name: String

    init(_ name: String) { self.name = name }

    func check(line: Int) throws {
        if !Test.names.contains(name) { throw TemplateError(.syntax, "No test named '\(name)'.", line: line) }
    }
}

extension Interpreter {
    func apply(_ test: Test, _ value: Value, _ arguments: Arguments) throws -> Bool {
        func none() throws { _ = try arguments.bound(test.name, []) }
        func one(_ name: String) throws -> Value { try arguments.bound(test.name, [name], required: 1)[0] ?? .none }
        switch test.name {
        case "defined":
            try none()
            return !value.isUndefined
        case "undefined":
            try none()
            return value.isUndefined
        case "none", "true", "false", "boolean", "integer", "float", "number", "string", "mapping", "escaped":
            try none()
            return kind(test.name, value)
        case "odd", "even":
            try none()
            return try Arithmetic.apply(.modulo, value, .int(2), self).equals(.int(test.name == "odd" ? 1 : 0))
        case "divisibleby": return try Arithmetic.apply(.modulo, value, try one("num"), self).equals(.int(0))
        case "filter", "test":
            try none()
            try value.checkHashable()
            guard case .text(let text) = value else { return false }
            return test.name == "filter" ? Filter.isKnown(text.string) : Test.names.contains(text.string)
        case "lower", "upper":
            try none()
            let text = try text(value)
            return test.name == "lower" ? text.isLower : text.isUpper
        case "sequence", "iterable", "callable":
            try none()
            return capability(test.name, value)
        case "sameas": return value.isSame(try one("other"))
        case "in":
            try meter.spend(try one("seq").weight)
            return try value.isContained(in: try one("seq"))
        default: break
        }
        guard Test.names.contains(test.name) else {
            throw TemplateError(.evaluation, "TemplateRuntimeError: No test named '\(test.name)' found.")
        }
        let other = try arguments.only(test.name, 1...1)[0]
        try meter.spend(other.weight)
        switch test.name {
        case "==", "eq", "equalto": return try value.equals(other)
        case "!=", "ne": return try !value.equals(other)
        case ">", "gt", "greaterthan": return try value.order(other, ">") == .greater
        case ">=", "ge": return try [.greater, .equal].contains(value.order(other, ">="))
        case "<", "lt", "lessthan": return try value.order(other, "<") == .less
        default: return try [.less, .equal].contains(value.order(other, "<="))
        }
    }

    private func kind(_ name: String, _ value: Value) -> Bool {
        switch (name, value) {
        case ("none", .none), ("true", .bool(true)), ("false", .bool(false)), ("boolean", .bool), ("integer", .int), ("float", .float),
            ("string", .text), ("mapping", .dict), ("number", .int), ("number", .float), ("number", .bool):
            true
        case ("escaped", .text(let text)): text.isMarkup
        default: false
        }
    }

    private func capability(_ name: String, _ value: Value) -> Bool {
        switch value {
        case .text, .list, .tuple, .dict: return name != "callable"
        case .undefined, .missing: return true
        case .object(let object):
            switch name {
            case "sequence": return object is RangeValue
            case "iterable":
                return object is RangeValue || object is DictViewValue || object is IteratorValue || object is LoopValue
            default:
                return object is MacroValue || object is FunctionValue || object is MethodValue || object is JoinerValue
                    || object is LoopValue
            }
        default: return false
        }
    }
}
