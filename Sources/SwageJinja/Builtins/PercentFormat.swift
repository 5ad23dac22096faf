/// Python's `format % values`.
struct PercentFormat {
    private let format: Text
    private let operand: Value
    private let values: [Value]
    private let isMapping: Bool
    private var used = 0
    private var position = 0
    private var result = Text()

    init(_ format: Text, _ operand: Value) {
        self.format = format
        self.operand = operand
        if case .tuple(let items) = operand { values = items.items } else { values = [operand] }
        switch operand {
        case .dict, .list, .undefined, .missing: isMapping = true
        case .object(_ as RangeValue): isMapping = true
        default: isMapping = false
        }
    }

    mutating func formatted() throws -> Text {
        while let found = format.find([0x25], position) {
            result.append(format, position, found)
            position = found + 1
            try field(owner: format.owner(at: found))
        }
        result.append(format, position, format.bytes.count)
        if used < values.count, !isMapping { throw TemplateError.type("not all arguments converted during string formatting") }
        return result
    }

    private mutating func byte() throws -> UInt8 {
        guard position < format.bytes.count else { throw TemplateError.value("incomplete format") }
        position += 1
        return format.bytes[position - 1]
    }

    private mutating func argument() throws -> Value {
        guard used < values.count else { throw TemplateError.type("not enough arguments for format string") }
        used += 1
        return values[used - 1]
    }

    private mutating func keyed() throws -> Value {
        var (depth, start) = (1, position)
        while depth > 0 {
            let next: UInt8
            do { next = try byte() } catch { throw TemplateError.value("incomplete format key") }
            depth += next == 0x28 ? 1 : next == 0x29 ? -1 : 0
        }
        let key = format.slice(start, position - 1)
        start = position
        try operand.checkDefined()
        guard isMapping else { throw TemplateError.type("format requires a mapping") }
        guard case .dict(let dict) = operand else {
            throw TemplateError.type("\(operand.typeName) indices must be integers or slices, not str")
        }
        guard let value = dict.pairs.value(key) else {
            throw TemplateError(.evaluation, "KeyError: \(try Value.text(key).repr().string)")
        }
        return value
    }

    private mutating func count(_ first: UInt8, _ next: inout UInt8) throws -> Int {
        if first == 0x2A {
            guard let value = try argument().index, case let number = value else { throw TemplateError.type("* wants int") }
            next = try byte()
            return number
        }
        var (number, byte) = (0, first)
        while (48...57).contains(byte) {
            number = number * 10 + Int(byte - 48)
            if number > 1 << 31 { throw TemplateError.value("width too big") }
            byte = try self.byte()
        }
        next = byte
        return number
    }

    private mutating func field(owner: Int32) throws {
        var specification = FormatSpecification()
        var (value, isLeft, isZero): (Value?, Bool, Bool) = (nil, false, false)
        var next = try byte()
        if next == 0x28 {
            value = try keyed()
            next = try byte()
        }
        flags: while true {
            switch next {
            case 0x2D: isLeft = true
            case 0x2B: specification.sign = 0x2B
            case 0x20: if specification.sign != 0x2B { specification.sign = 0x20 }
            case 0x23: specification.isAlternate = true
            case 0x30: isZero = true
            default: break flags
            }
            next = try byte()
        }
        specification.width = try count(next, &next)
        if specification.width < 0 {
            isLeft = true
            specification.width = -specification.width
        }
        if next == 0x2E {
            next = try byte()
            specification.precision = max(0, try count(next, &next))
        }
        if [0x68, 0x6C, 0x4C].contains(next) { next = try byte() }
        if next == 0x25 { return result.append(CollectionOfOne(UInt8(0x25)), owner: owner) }
        let argument = try value ?? argument()
        specification.alignment = isLeft ? 0x3C : 0x3E
        try write(argument, next, specification, isZero: isZero && !isLeft)
    }

    private mutating func write(_ value: Value, _ letter: UInt8, _ given: FormatSpecification, isZero: Bool) throws {
        var specification = given
        switch letter {
        case 0x73, 0x72, 0x61:
            var text = letter == 0x73 ? try value.str() : try value.repr()
            if format.isMarkup {
                text = if letter == 0x73, case .text(let markup) = value { markup.escaped() } else { text.escaped() }
            }
            if letter == 0x61, !text.isASCII { throw TemplateError.unsupported("%a of other than ASCII") }
            if let precision = specification.precision { text = text.slice(0, text.offset(of: precision)) }
            return result.append(try specification.padded(text, isNumber: false, nil))
        case 0x63:
            let text: Text
            if case .text(let given) = value, given.count == 1 {
                text = given
            } else {
                guard let index = value.index else { throw TemplateError.type("%c requires int or char") }
                guard let scalar = UInt32(exactly: index).flatMap({ Unicode.Scalar($0) }) else {
                    throw TemplateError(.evaluation, "OverflowError: %c arg not in range(0x110000)")
                }
                text = Text(String(scalar))
            }
            return result.append(try specification.padded(text, isNumber: false, nil))
        default: break
        }
        if isZero {
            specification.alignment = 0x3D
            specification.fill = Text("0")
        }
        let name = String(Character(Unicode.Scalar(letter)))
        switch letter {
        case 0x64, 0x69, 0x75:
            try value.checkDefined()
            guard let number = value.number else {
                throw TemplateError.type("%\(name) format: a real number is required, not \(value.typeName)")
            }
            guard let whole = value.index ?? Int(exactly: number.rounded(.towardZero)) else {
                if !number.isFinite { throw TemplateError.value("cannot convert float \(number) to integer") }
                throw Arithmetic.overflow()
            }
            specification.type = 0x64
            result.append(try specification.integer(whole, nil))
        case 0x78, 0x58, 0x6F:
            guard let whole = value.index else {
                throw TemplateError.type("%\(name) format: an integer is required, not \(value.typeName)")
            }
            specification.type = letter
            result.append(try specification.integer(whole, nil))
        case 0x65, 0x45, 0x66, 0x46, 0x67, 0x47:
            try value.checkDefined()
            guard let number = value.number else { throw TemplateError.type("must be real number, not \(value.typeName)") }
            specification.type = letter
            result.append(try specification.float(number, nil))
        default: throw TemplateError.value("unsupported format character '\(name)' (0x\(String(letter, radix: 16)))")
        }
    }
}
