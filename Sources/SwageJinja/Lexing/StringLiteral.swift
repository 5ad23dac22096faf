extension Lexer {
    /// Reads a string and its escapes, as Python's `unicode-escape` does after `backslashreplace`.
    mutating func string(_ quote: UInt8) throws {
        var end = position + 1
        while end < source.count, source[end] != quote { end += source[end] == 0x5C ? 2 : 1 }
        guard end < source.count else {
            throw failure("unexpected char '\(Character(Unicode.Scalar(quote)))' at \(position)")
        }
        var literal = StringLiteral(Array(source[position + 1..<end]))
        do {
            tokens.append(Token(kind: .string(Text(try literal.decoded())), line: line))
        } catch var error as TemplateError {
            error.line = line
            throw error
        }
        advance(to: end + 1)
    }
}

struct StringLiteral {
    private let source: [UInt8]
    private var position = 0
    private var result: [UInt8] = []

    init(_ source: [UInt8]) { self.source = source }

    mutating func decoded() throws -> [UInt8] {
        guard source.contains(0x5C) else { return source }
        while position < source.count {
            let byte = source[position]
            if byte != 0x5C || position + 1 >= source.count {
                result.append(byte)
                position += 1
            } else {
                try escape()
            }
        }
        return result
    }

    private mutating func escape() throws {
        let letter = source[position + 1]
        position += 2
        switch letter {
        case 10: break
        case 0x5C, 0x27, 0x22: result.append(letter)
        case 0x61: result.append(7)
        case 0x62: result.append(8)
        case 0x66: result.append(12)
        case 0x6E: result.append(10)
        case 0x72: result.append(13)
        case 0x74: result.append(9)
        case 0x76: result.append(11)
        case 0x30...0x37: octal(letter)
        case 0x78: try hexadecimal(2, "\\xXX")
        case 0x75: try hexadecimal(4, "\\uXXXX")
        case 0x55: try hexadecimal(8, "\\UXXXXXXXX")
        case 0x4E: throw TemplateError(.unsupported, "a character by its name, \\N{...}")
        case 0x80...:
            // The backslash meets the one that `backslashreplace` writes for this character.
            let (value, length) = Text.scalar(source, position - 1)
            position += length - 1
            let digits = String(value, radix: 16)
            let (mark, width) = value < 0x100 ? ("x", 2) : value < 0x10000 ? ("u", 4) : ("U", 8)
            result.append(contentsOf: "\\\(mark)\(String(repeating: "0", count: width - digits.count))\(digits)".utf8)
        default: result.append(contentsOf: [0x5C, letter])
        }
    }

    private mutating func octal(_ first: UInt8) {
        var value = UInt32(first - 48)
        for _ in 0..<2 where position < source.count && (0x30...0x37).contains(source[position]) {
            value = value * 8 + UInt32(source[position] - 48)
            position += 1
        }
        if let scalar = Unicode.Scalar(value) { result.append(contentsOf: String(scalar).utf8) }
    }

    private mutating func hexadecimal(_ count: Int, _ form: String) throws {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard position < source.count, Lexer.digit(source[position]) < 16 else {
                throw TemplateError(.syntax, "truncated \(form) escape")
            }
            value = value << 4 | UInt32(Lexer.digit(source[position]))
            position += 1
        }
        if (0xD800...0xDFFF).contains(value) { throw TemplateError(.unsupported, "half of a surrogate pair in a string") }
        guard let scalar = Unicode.Scalar(value) else { throw TemplateError(.syntax, "illegal Unicode character") }
        result.append(contentsOf: String(scalar).utf8)
    }
}
