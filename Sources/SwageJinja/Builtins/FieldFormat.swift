/// Python's `str.format`, in the forms that need no format within a format.
struct FieldFormat {
    private let format: Text
    private let arguments: Arguments
    private let interpreter: Interpreter
    private var position = 0
    private var automatic = 0
    private var isNumbered: Bool?
    private var result = Text()

    init(_ format: Text, _ arguments: Arguments, _ interpreter: Interpreter) {
        (self.format, self.arguments, self.interpreter) = (format, arguments, interpreter)
    }

    mutating func formatted() throws -> Text {
        let bytes = format.bytes
        var start = 0
        while position < bytes.count {
            let byte = bytes[position]
            if byte != 0x7B, byte != 0x7D {
                position += 1
                continue
            }
            result.append(format, start, position)
            if position + 1 < bytes.count, bytes[position + 1] == byte {
                result.append(format, position, position + 1)
                position += 2
            } else if byte == 0x7D {
                throw TemplateError.value("Single '}' encountered in format string")
            } else {
                position += 1
                try field()
            }
            start = position
        }
        result.append(format, start, bytes.count)
        try interpreter.meter.take(bytes: result.bytes.count)
        return result
    }

    private mutating func field() throws {
        let bytes = format.bytes
        let start = position
        var (end, conversion, specification): (Int?, UInt8?, Text) = (nil, nil, Text())
        var isInBracket = false
        while position < bytes.count, end == nil {
            switch bytes[position] {
            case 0x5B: isInBracket = true
            case 0x5D: isInBracket = false
            case 0x7D, 0x3A, 0x21: if !isInBracket { end = position }
            case 0x7B: throw TemplateError.value("unexpected '{' in field name")
            default: break
            }
            if end == nil { position += 1 }
        }
        guard let end else {
            throw TemplateError.value(
                start == bytes.count ? "Single '{' encountered in format string" : "expected '}' before end of string")
        }
        if bytes[position] == 0x21 {
            position += 1
            guard position + 1 < bytes.count, [0x7D, 0x3A].contains(bytes[position + 1]) else {
                throw TemplateError.value("expected ':' after conversion specifier")
            }
            conversion = bytes[position]
            position += 1
        }
        if bytes[position] == 0x3A {
            position += 1
            let from = position
            while position < bytes.count, bytes[position] != 0x7D {
                if bytes[position] == 0x7B { throw TemplateError.unsupported("a format within a format") }
                position += 1
            }
            if position >= bytes.count { throw TemplateError.value("unmatched '{' in format spec") }
            specification = format.slice(from, position)
        }
        position += 1
        try write(try value(format.slice(start, end)), conversion, specification)
    }

    private mutating func value(_ name: Text) throws -> Value {
        var end = 0
        while end < name.bytes.count, name.bytes[end] != 0x2E, name.bytes[end] != 0x5B { end += 1 }
        let first = name.slice(0, end)
        var value: Value
        if first.isEmpty || first.satisfies(CharacterClass.isDecimal) {
            if let isNumbered, isNumbered == first.isEmpty {
                throw TemplateError.value("cannot switch from manual field specification to automatic field numbering")
            }
            isNumbered = !first.isEmpty
            let index = first.isEmpty ? automatic : try Interpreter.integer(first, 10) ?? 0
            if first.isEmpty { automatic += 1 }
            guard index < arguments.positional.count else {
                throw TemplateError(.evaluation, "IndexError: Replacement index \(index) out of range for positional args tuple")
            }
            value = arguments.positional[index]
        } else {
            let string = first.string
            guard let found = arguments.keywords.first(where: { $0.name == string }) else {
                throw TemplateError(.evaluation, "KeyError: '\(string)'")
            }
            value = found.value
        }
        while end < name.bytes.count {
            let isItem = name.bytes[end] == 0x5B
            let start = end + 1
            end = start
            while end < name.bytes.count, isItem ? name.bytes[end] != 0x5D : (name.bytes[end] != 0x2E && name.bytes[end] != 0x5B) {
                end += 1
            }
            if start == end { throw TemplateError.value("Empty attribute in format string") }
            let part = name.slice(start, end)
            if isItem {
                if end >= name.bytes.count { throw TemplateError.value("Missing ']' in format string") }
                end += 1
                if end < name.bytes.count, name.bytes[end] != 0x2E, name.bytes[end] != 0x5B {
                    throw TemplateError.value("Only '.' or '[' may follow ']' in format field specifier")
                }
                let index = part.satisfies(CharacterClass.isDecimal) ? try Interpreter.integer(part, 10) : nil
                value = try interpreter.item(index.map { .int($0) } ?? .text(part), of: value)
            } else {
                value = try interpreter.attribute(AttributeName(part.string), of: value)
            }
        }
        return value
    }

    private mutating func write(_ given: Value, _ conversion: UInt8?, _ specification: Text) throws {
        var value = given
        switch conversion {
        case nil: break
        case 0x73: value = .text(try value.str())
        case 0x72: value = .text(try value.repr())
        case 0x61: throw TemplateError.unsupported("conversion !a")
        default: throw TemplateError.value("Unknown conversion specifier")
        }
        if specification.isEmpty { return result.append(try value.str()) }
        let parsed = try FieldFormat.parsed(specification)
        let meter = interpreter.meter
        switch value {
        case .text(var text):
            if parsed.type != nil, parsed.type != 0x73 { throw unknown(parsed.type, "str") }
            if parsed.sign != 0x2D || parsed.hasSign { throw TemplateError.value("Sign not allowed in string format specifier") }
            if parsed.base.isAlternate { throw TemplateError.value("Alternate form (#) not allowed in string format specifier") }
            if parsed.base.grouping != nil { throw TemplateError.value("Cannot specify ',' with 's'.") }
            if parsed.base.alignment == 0x3D, !parsed.isZero {
                throw TemplateError.value("'=' alignment not allowed in string format specifier")
            }
            var base = parsed.base
            if parsed.isZero, base.alignment == 0x3D { base.alignment = 0x3C }
            if let precision = base.precision { text = text.slice(0, text.offset(of: precision)) }
            result.append(try base.padded(text, isNumber: false, meter))
        case .int, .bool, .float: result.append(try number(value, parsed.base, meter))
        default: throw TemplateError.type("unsupported format string passed to \(value.typeName).__format__")
        }
    }

    private func unknown(_ type: UInt8?, _ name: String) -> TemplateError {
        TemplateError.value(
            "Unknown format code '\(type.map { String(Character(Unicode.Scalar($0))) } ?? "")' for object of type '\(name)'")
    }

    private func number(_ value: Value, _ specification: FormatSpecification, _ meter: Meter) throws -> Text {
        let isFloat = if case .float = value { true } else { false }
        switch specification.type {
        case nil, 0x64, 0x78, 0x58, 0x6F, 0x62:
            if isFloat {
                if specification.type != nil { throw unknown(specification.type, "float") }
                return try specification.float(value.number ?? 0, meter)
            }
            if specification.precision != nil { throw TemplateError.value("Precision not allowed in integer format specifier") }
            if specification.grouping == 0x2C, let type = specification.type, type != 0x64 {
                throw TemplateError.value("Cannot specify ',' with '\(Character(Unicode.Scalar(type)))'.")
            }
            return try specification.integer(value.index ?? 0, meter)
        case 0x65, 0x45, 0x66, 0x46, 0x67, 0x47, 0x25: return try specification.float(value.number ?? 0, meter)
        case 0x63, 0x6E: throw TemplateError.unsupported("a format of type c or n")
        default: throw unknown(specification.type, value.typeName)
        }
    }

    // MARK: Specifications

    private struct Parsed {
        var base = FormatSpecification()
        var hasSign = false
        var isZero = false
        var type: UInt8? { base.type }
        var sign: UInt8 { base.sign }
    }

    private static func parsed(_ text: Text) throws -> Parsed {
        var (result, index) = (Parsed(), 0)
        let bytes = text.bytes
        let alignments: [UInt8] = [0x3C, 0x3E, 0x5E, 0x3D]
        let first = text.scalar(at: 0).length
        if first < bytes.count, alignments.contains(bytes[first]) {
            result.base.fill = text.slice(0, first)
            result.base.alignment = bytes[first]
            index = first + 1
        } else if alignments.contains(bytes[0]) {
            result.base.alignment = bytes[0]
            index = 1
        }
        func peek() -> UInt8? { index < bytes.count ? bytes[index] : nil }
        if let sign = peek(), [0x2B, 0x2D, 0x20].contains(sign) {
            result.base.sign = sign
            result.hasSign = true
            index += 1
        }
        if peek() == 0x7A { throw TemplateError.unsupported("format option z") }
        if peek() == 0x23 {
            result.base.isAlternate = true
            index += 1
        }
        if peek() == 0x30 {
            if result.base.alignment == nil {
                result.base.alignment = 0x3D
                result.isZero = true
                result.base.fill = Text("0")
            } else if result.base.fill.bytes == [0x20], bytes[0] == result.base.alignment {
                result.base.fill = Text("0")
            }
            index += 1
        }
        func digits() throws -> Int? {
            var number: Int?
            while let byte = peek(), (48...57).contains(byte) {
                number = (number ?? 0) * 10 + Int(byte - 48)
                if number ?? 0 > 1 << 31 { throw TemplateError.value("Too many decimal digits in format string") }
                index += 1
            }
            return number
        }
        result.base.width = try digits() ?? 0
        if let mark = peek(), mark == 0x2C || mark == 0x5F {
            result.base.grouping = mark
            index += 1
        }
        if peek() == 0x2E {
            index += 1
            guard let precision = try digits() else { throw TemplateError.value("Format specifier missing precision") }
            result.base.precision = precision
        }
        if let type = peek() {
            result.base.type = type
            index += 1
        }
        if index < bytes.count { throw TemplateError.value("Invalid format specifier") }
        return result
    }
}
