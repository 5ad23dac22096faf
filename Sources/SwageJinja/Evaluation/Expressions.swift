extension Interpreter {
    @inline(__always) func load(_ occurrence: Int, _ frame: Frame) -> Value {
        let reference = table.references[occurrence]
        let value = reference.hops == 0 ? frame.slots[reference.slot] : outer(frame, reference.hops).slots[reference.slot]
        if case .missing = value { return .undefined(reference.reason) }
        return value
    }

    func evaluate(_ expression: Expression, _ frame: Frame) throws -> Value {
        try meter.spend(1)
        switch expression {
        case .literal(let literal): return value(of: literal)
        case .name(let occurrence): return load(occurrence, frame)
        case .attribute(let object, let name): return try attribute(name, of: try evaluate(object, frame))
        default: break
        }
        try meter.stack.check()
        switch expression {
        case .item(let object, let index):
            let container = try evaluate(object, frame)
            return try item(try evaluate(index, frame), of: container)
        case .compare(let first, let rest): return try compare(first, rest, frame)
        case .arithmetic(let first, let rest): return try arithmetic(first, rest, frame)
        case .and(let left, let right):
            let value = try evaluate(left, frame)
            return try value.isTrue() ? try evaluate(right, frame) : value
        case .or(let left, let right):
            let value = try evaluate(left, frame)
            return try value.isTrue() ? value : try evaluate(right, frame)
        case .not(let operand): return .bool(try !evaluate(operand, frame).isTrue())
        case .test(let operand, let test, let arguments, let line):
            let value = try evaluate(operand, frame)
            self.line = line
            return .bool(try apply(test, value, try evaluated(arguments, frame)))
        case .filter(let operand, let filter, let arguments, let line):
            guard let operand else { throw TemplateError.type("a filter without operand") }
            let value = try evaluate(operand, frame)
            let evaluated = try evaluated(arguments, frame)
            self.line = line
            return try apply(filter, value, evaluated)
        case .call: return try evaluateCall(expression, frame, caller: nil)
        default: return try evaluateOther(expression, frame)
        }
    }

    private func value(of literal: Expression.Literal) -> Value {
        switch literal {
        case .none: .none
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .float(let value): .float(value)
        case .text(let text): .text(text)
        }
    }

    private func evaluateOther(_ expression: Expression, _ frame: Frame) throws -> Value {
        switch expression {
        case .concat(let items):
            var result = Text()
            for item in items { result.append(try text(try evaluate(item, frame))) }
            try meter.take(bytes: result.bytes.count)
            return .text(result)
        case .conditional(let test, let then, let otherwise, let line):
            if try evaluate(test, frame).isTrue() { return try evaluate(then, frame) }
            if let otherwise { return try evaluate(otherwise, frame) }
            return .undefined(
                UndefinedReason(
                    "the inline if-expression on line \(line) evaluated to false and no else section was defined."))
        case .slice(let object, let bounds):
            let container = try evaluate(object, frame)
            let start = try bounds.start.map { try evaluate($0, frame) }
            let stop = try bounds.stop.map { try evaluate($0, frame) }
            let step = try bounds.step.map { try evaluate($0, frame) }
            return try slice(container, start, stop, step)
        case .list(let items): return try .list(try evaluated(items, frame))
        case .tuple(let items): return try .tuple(try evaluated(items, frame))
        case .dict(let pairs):
            var result = OrderedPairs()
            try meter.take(bytes: 64 * pairs.count)
            for pair in pairs {
                let key = try evaluate(pair.key, frame)
                try result.set(key, try evaluate(pair.value, frame))
            }
            return .dict(try DictValue(result))
        case .negative(let operand): return try Arithmetic.negative(try evaluate(operand, frame))
        case .positive(let operand): return try Arithmetic.positive(try evaluate(operand, frame))
        case .failure(let message): throw TemplateError(.evaluation, message)
        default: throw TemplateError.unsupported("an expression")
        }
    }

    func evaluated(_ items: [Expression], _ frame: Frame) throws -> [Value] {
        try meter.take(bytes: 24 * items.count)
        var result: [Value] = []
        result.reserveCapacity(items.count)
        for item in items { result.append(try evaluate(item, frame)) }
        return result
    }

    private func compare(_ first: Expression, _ rest: [(Expression.Comparison, Expression)], _ frame: Frame) throws -> Value {
        var left = try evaluate(first, frame)
        for (comparison, operand) in rest {
            let right = try evaluate(operand, frame)
            let holds =
                switch comparison {
                case .equal: try left.equals(right)
                case .notEqual: try !left.equals(right)
                case .less: try left.order(right, "<") == .less
                case .lessEqual: try [.less, .equal].contains(left.order(right, "<="))
                case .greater: try left.order(right, ">") == .greater
                case .greaterEqual: try [.greater, .equal].contains(left.order(right, ">="))
                case .in: try left.isContained(in: right)
                case .notIn: try !left.isContained(in: right)
                }
            if case .text(let text) = right { try meter.spend(text.bytes.count >> 6) } else { try meter.spend(right.weight) }
            if !holds { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    private func arithmetic(_ first: Expression, _ rest: [(Expression.Arithmetic, Expression)], _ frame: Frame) throws -> Value {
        var result = try evaluate(first, frame)
        for (sign, operand) in rest {
            let right = try evaluate(operand, frame)
            if sign == .add, case .text(var text) = result, case .text(let more) = right, !text.isMarkup, !more.isMarkup {
                // Nothing else may hold the text while it grows.
                result = .none
                try meter.take(bytes: more.bytes.count)
                text.append(more)
                if text.bytes.count > meter.textBytes { throw TemplateError.limit("a text of more than \(meter.textBytes) bytes") }
                result = .text(text)
                continue
            }
            result = try Arithmetic.apply(sign, result, right, self)
        }
        return result
    }
}
