#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Interpreter {
    func numberFilter(_ filter: Filter.Builtin, _ value: Value, _ arguments: Arguments) throws -> Value {
        switch filter {
        case .abs:
            _ = try arguments.bound("abs", [])
            switch value {
            case .float(let number): return .float(Swift.abs(number))
            case .int, .bool:
                let number = value.index ?? 0
                if number == .min { throw Arithmetic.overflow() }
                return .int(Swift.abs(number))
            default: throw TemplateError.type("bad operand type for abs(): '\(value.typeName)'")
            }
        case .float:
            let otherwise = try arguments.bound("float", ["default"])[0] ?? .float(0)
            return try float(value).map { .float($0) } ?? otherwise
        case .int: return try int(value, arguments)
        default: return try rounded(value, arguments)
        }
    }

    private func float(_ value: Value) throws -> Double? {
        try value.checkDefined()
        if case .text(let text) = value { return FloatText.parse(text) }
        return value.number
    }

    private func int(_ value: Value, _ arguments: Arguments) throws -> Value {
        let values = try arguments.bound("int", ["default", "base"])
        let otherwise = values[0] ?? .int(0)
        try value.checkDefined()
        switch value {
        case .int, .bool: return .int(value.index ?? 0)
        case .float(let number):
            if number.isInfinite { throw TemplateError(.evaluation, "OverflowError: cannot convert float infinity to integer") }
            if number.isNaN { return otherwise }
            guard let whole = Int(exactly: number.rounded(.towardZero)) else { throw Arithmetic.overflow() }
            return .int(whole)
        case .text(let text):
            // What is no base at all is as good to Python as a text that is no integer.
            let base = values[1].map { $0.index ?? -1 } ?? 10
            if base == 0 || (2...36).contains(base), let number = try Interpreter.integer(text, base) { return .int(number) }
            guard let number = FloatText.parse(text), number.isFinite else { return otherwise }
            guard let whole = Int(exactly: number.rounded(.towardZero)) else { throw Arithmetic.overflow() }
            return .int(whole)
        default: return otherwise
        }
    }

    /// What Python's `int` makes of a text, or nil where it is none.
    static func integer(_ text: Text, _ base: Int) throws -> Int? {
        var digits = text.stripped().plainDigits
        var (isNegative, base) = (false, base)
        if let sign = digits.first, sign == 0x2B || sign == 0x2D {
            isNegative = sign == 0x2D
            digits.removeFirst()
        }
        var isAfterDigit = false
        if digits.count > 1, digits[0] == 0x30 {
            let prefixed = [UInt8(0x78): 16, 0x6F: 8, 0x62: 2][digits[1] | 0x20]
            if let prefixed, base == prefixed || base == 0 {
                base = prefixed
                digits.removeFirst(2)
                isAfterDigit = true
            }
        }
        if base == 0 {
            base = 10
            if digits.count > 1, digits[0] == 0x30, digits.contains(where: { $0 != 0x30 && $0 != 0x5F }) { return nil }
        }
        guard let last = digits.last, last != 0x5F else { return nil }
        var (value, isOver) = (0, false)
        for byte in digits {
            if byte == 0x5F {
                if !isAfterDigit { return nil }
                isAfterDigit = false
                continue
            }
            let digit = Lexer.digit(byte)
            if digit >= base { return nil }
            isAfterDigit = true
            let (product, over) = value.multipliedReportingOverflow(by: base)
            let (sum, more) = isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            isOver = isOver || over || more
            value = isOver ? 0 : sum
        }
        if isOver { throw Arithmetic.overflow() }
        return value
    }

    private func rounded(_ value: Value, _ arguments: Arguments) throws -> Value {
        let values = try arguments.bound("round", ["precision", "method"])
        var method = "common"
        if let given = values[1] {
            try given.checkHashable()
            method = if case .text(let text) = given { text.string } else { "" }
        }
        if !["common", "ceil", "floor"].contains(method) {
            throw TemplateError(.evaluation, "FilterArgumentError: method must be common, ceil or floor")
        }
        try value.checkDefined()
        guard let number = value.number else { throw TemplateError.type("type \(value.typeName) doesn't define __round__ method") }
        if method == "common" {
            var precision = 0
            if let given = values[0] {
                if case .none = given { return try whole(value, number) }
                precision = try integer(given)
            }
            if let exact = value.index { return .int(try Interpreter.rounded(exact, precision)) }
            return .float(try Interpreter.rounded(number, precision))
        }
        let scale = try Arithmetic.apply(.power, .int(10), values[0] ?? .int(0), self)
        guard let product = try Arithmetic.apply(.multiply, value, scale, self).number else { return value }
        if product.isNaN || product.isInfinite { throw TemplateError(.evaluation, "OverflowError: cannot convert float to integer") }
        guard let result = Int(exactly: product.rounded(method == "ceil" ? .up : .down)) else { throw Arithmetic.overflow() }
        return try Arithmetic.apply(.divide, .int(result), scale, self)
    }

    /// Python's `round` with no precision, which gives an integer.
    private func whole(_ value: Value, _ number: Double) throws -> Value {
        if let exact = value.index { return .int(exact) }
        guard number.isFinite, let result = Int(exactly: number.rounded(.toNearestOrEven)) else { throw Arithmetic.overflow() }
        return .int(result)
    }

    private static func rounded(_ value: Int, _ precision: Int) throws -> Int {
        if precision >= 0 { return value }
        if precision < -18 { return 0 }
        let unit = (0..<(-precision)).reduce(1) { product, _ in product * 10 }
        let rest = ((value % unit) + unit) % unit
        let (floor, isBelow) = value.subtractingReportingOverflow(rest)
        if isBelow { throw Arithmetic.overflow() }
        let isUp = 2 * rest > unit || 2 * rest == unit && (floor / unit) % 2 != 0
        let (result, isAbove) = floor.addingReportingOverflow(isUp ? unit : 0)
        if isAbove { throw Arithmetic.overflow() }
        return result
    }

    private static func rounded(_ value: Double, _ precision: Int) throws -> Double {
        if !value.isFinite || precision > 323 { return value }
        if precision < -308 { return value.sign == .minus ? -0.0 : 0.0 }
        if precision >= 0 { return strtod(FloatText.format(value, "f", precision: precision), nil) }
        let unit = pow(10, Double(-precision))
        return (value / unit).rounded(.toNearestOrEven) * unit
    }
}
