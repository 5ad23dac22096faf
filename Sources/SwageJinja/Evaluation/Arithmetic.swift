#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Python's operators. Integers are of 64 bits here: what Python makes larger is an error.
enum Arithmetic {
    static func overflow() -> TemplateError { TemplateError.unsupported("an integer of more than 64 bits") }

    static func negative(_ value: Value) throws -> Value {
        switch value {
        case .float(let number): return .float(-number)
        case .int, .bool:
            let (result, over) = (0).subtractingReportingOverflow(value.index ?? 0)
            if over { throw overflow() }
            return .int(result)
        default:
            try value.checkDefined()
            throw TemplateError.type("bad operand type for unary -: '\(value.typeName)'")
        }
    }

    static func positive(_ value: Value) throws -> Value {
        switch value {
        case .float: return value
        case .int, .bool: return .int(value.index ?? 0)
        default:
            try value.checkDefined()
            throw TemplateError.type("bad operand type for unary +: '\(value.typeName)'")
        }
    }

    static func apply(_ sign: Expression.Arithmetic, _ left: Value, _ right: Value, _ interpreter: Interpreter) throws -> Value {
        if sign == .modulo, case .text(let format) = left {
            var formatter = PercentFormat(format, right)
            let text = try formatter.formatted().asMarkup(format.isMarkup)
            try interpreter.meter.take(bytes: text.bytes.count)
            return .text(text)
        }
        if let a = left.index, let b = right.index { return try integers(sign, a, b) }
        if let a = left.number, let b = right.number { return try floats(sign, a, b) }
        try left.checkDefined()
        try right.checkDefined()
        switch (sign, left, right) {
        case (.add, .text(let a), .text(let b)): return .text(a.adding(b))
        case (.add, .list(let a), .list(let b)):
            try interpreter.meter.take(bytes: 24 * (a.items.count + b.items.count))
            return try .list(a.items + b.items)
        case (.add, .tuple(let a), .tuple(let b)):
            try interpreter.meter.take(bytes: 24 * (a.items.count + b.items.count))
            return try .tuple(a.items + b.items)
        case (.multiply, .text, _), (.multiply, .list, _), (.multiply, .tuple, _):
            if let count = right.index { return try repeated(left, count, interpreter) }
            throw TemplateError.type("can't multiply sequence by non-int of type '\(right.typeName)'")
        case (.multiply, _, .text), (.multiply, _, .list), (.multiply, _, .tuple):
            if let count = left.index { return try repeated(right, count, interpreter) }
            throw TemplateError.type("can't multiply sequence by non-int of type '\(left.typeName)'")
        case (.add, .text, _): throw TemplateError.type("can only concatenate str (not \"\(right.typeName)\") to str")
        case (.add, .list, _): throw TemplateError.type("can only concatenate list (not \"\(right.typeName)\") to list")
        case (.subtract, .object(let a as DictViewValue), _) where a.kind != .values:
            throw TemplateError.unsupported("the difference of a dictionary's views")
        default:
            throw TemplateError.type(
                "unsupported operand type(s) for \(sign == .power ? "** or pow()" : sign.rawValue): "
                    + "'\(left.typeName)' and '\(right.typeName)'")
        }
    }

    private static func repeated(_ value: Value, _ count: Int, _ interpreter: Interpreter) throws -> Value {
        let count = max(0, count)
        func room(_ size: Int) throws {
            let (total, over) = size.multipliedReportingOverflow(by: count)
            if over { throw TemplateError.limit("a value of more than 64 bits of size") }
            try interpreter.meter.take(bytes: total)
            try interpreter.meter.spend(total >> 6)
        }
        switch value {
        case .text(let text):
            try room(text.bytes.count)
            var result = Text()
            if text.isEmpty { return value }
            if text.runs.isEmpty, text.bytes.count == 1 {
                result = Text([UInt8](repeating: text.bytes[0], count: count), owner: text.owner)
            } else {
                for _ in 0..<count { result.append(text) }
            }
            return .text(result.asMarkup(text.isMarkup))
        case .list(let items):
            try room(24 * items.items.count)
            return try .list(Array(repeatElement(items.items, count: items.items.isEmpty ? 0 : count).joined()))
        case .tuple(let items):
            try room(24 * items.items.count)
            return try .tuple(Array(repeatElement(items.items, count: items.items.isEmpty ? 0 : count).joined()))
        default: return value
        }
    }

    private static func integers(_ sign: Expression.Arithmetic, _ a: Int, _ b: Int) throws -> Value {
        let result: (partialValue: Int, overflow: Bool)
        switch sign {
        case .add: result = a.addingReportingOverflow(b)
        case .subtract: result = a.subtractingReportingOverflow(b)
        case .multiply: result = a.multipliedReportingOverflow(by: b)
        case .divide:
            if b == 0 { throw TemplateError(.evaluation, "ZeroDivisionError: division by zero") }
            return .float(Double(a) / Double(b))
        case .floorDivide:
            if b == 0 { throw TemplateError(.evaluation, "ZeroDivisionError: integer division or modulo by zero") }
            result = a.dividedReportingOverflow(by: b)
            if !result.overflow, a % b != 0, (a < 0) != (b < 0) { return .int(result.partialValue - 1) }
        case .modulo:
            if b == 0 { throw TemplateError(.evaluation, "ZeroDivisionError: integer modulo by zero") }
            if b == -1 { return .int(0) }
            let rest = a % b
            return .int(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest)
        case .power: return try power(a, b)
        }
        if result.overflow { throw overflow() }
        return .int(result.partialValue)
    }

    private static func power(_ base: Int, _ exponent: Int) throws -> Value {
        if exponent < 0 {
            if base == 0 { throw TemplateError(.evaluation, "ZeroDivisionError: 0.0 cannot be raised to a negative power") }
            return .float(pow(Double(base), Double(exponent)))
        }
        if [0, 1, -1].contains(base) { return .int(exponent == 0 ? 1 : base == -1 && exponent % 2 == 0 ? 1 : base) }
        if exponent > 64 { throw overflow() }
        var result = 1
        for _ in 0..<exponent {
            let (product, over) = result.multipliedReportingOverflow(by: base)
            if over { throw overflow() }
            result = product
        }
        return .int(result)
    }

    private static func floats(_ sign: Expression.Arithmetic, _ a: Double, _ b: Double) throws -> Value {
        switch sign {
        case .add: return .float(a + b)
        case .subtract: return .float(a - b)
        case .multiply: return .float(a * b)
        case .divide:
            if b == 0 { throw TemplateError(.evaluation, "ZeroDivisionError: float division by zero") }
            return .float(a / b)
        case .floorDivide, .modulo:
            if b == 0 { throw TemplateError(.evaluation, "ZeroDivisionError: float modulo") }
            var rest = fmod(a, b)
            var quotient = (a - rest) / b
            if rest != 0 {
                if (b < 0) != (rest < 0) {
                    rest += b
                    quotient -= 1
                }
            } else {
                rest = b < 0 ? -0.0 : 0.0
            }
            if sign == .modulo { return .float(rest) }
            if quotient == 0 { return .float((a / b).sign == .minus ? -0.0 : 0.0) }
            let floored = quotient.rounded(.down)
            return .float(quotient - floored > 0.5 ? floored + 1 : floored)
        case .power:
            if a == 0, b < 0 { throw TemplateError(.evaluation, "ZeroDivisionError: 0.0 cannot be raised to a negative power") }
            if a < 0, a.isFinite, b.isFinite, b != b.rounded() { throw TemplateError.unsupported("a complex number") }
            let result = pow(a, b)
            if result.isInfinite, a.isFinite, b.isFinite {
                throw TemplateError(.evaluation, "OverflowError: (34, 'Numerical result out of range')")
            }
            return .float(result)
        }
    }
}
