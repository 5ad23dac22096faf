#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Lexer {
    private static let symbols = Token.Symbol.allCases.map { (symbol: $0, bytes: Array($0.rawValue.utf8)) }

    /// Reads what is within `{{ }}` or `{% %}`, and the end of it.
    mutating func tag(isVariable: Bool) throws {
        var open: [UInt8] = []
        while position < source.count {
            if open.isEmpty, let end = isVariable ? variableEnd() : blockEnd(position) {
                tokens.append(Token(kind: isVariable ? .variableEnd : .blockEnd, line: line))
                return advance(to: end)
            }
            let space = skippingSpace(position)
            if space > position {
                advance(to: space)
                continue
            }
            let byte = source[position]
            if (48...57).contains(byte) {
                try number()
            } else if byte == 0x22 || byte == 0x27 {
                try string(byte)
            } else if byte == 0x5F || CharacterClass.isWord(Text.scalar(source, position).value) {
                try name()
            } else {
                try symbol(&open)
            }
        }
    }

    private func variableEnd() -> Int? {
        if matches("-}}", at: position) { return skippingSpace(position + 3) }
        return matches("}}", at: position) ? position + 2 : nil
    }

    private mutating func name() throws {
        var end = position
        while end < source.count {
            let (value, length) = Text.scalar(source, end)
            if !CharacterClass.isWord(value), !(value >= 0x80 && isIdentifierMark(value)) { break }
            end += length
        }
        let text = String(decoding: source[position..<end], as: UTF8.self)
        let first = Text.scalar(source, position).value
        if first >= 0x80, !CharacterClass.isAlpha(first) { throw failure("Invalid character in identifier") }
        // Python compiles names in their compatibility form, which the standard library cannot compute.
        if !text.utf8.allSatisfy({ $0 < 0x80 }) { throw TemplateError(.unsupported, "name '\(text)' of other than ASCII", line: line) }
        tokens.append(Token(kind: .name(text), line: line))
        advance(to: end)
    }

    private func isIdentifierMark(_ value: UInt32) -> Bool {
        switch CharacterClass.properties(value)?.generalCategory {
        case .nonspacingMark, .spacingMark, .connectorPunctuation: true
        default: value == 0xB7
        }
    }

    private mutating func symbol(_ open: inout [UInt8]) throws {
        guard
            let found = Lexer.symbols.first(where: { entry in
                position + entry.bytes.count <= source.count && source[position..<position + entry.bytes.count].elementsEqual(entry.bytes)
            })
        else {
            let (value, _) = Text.scalar(source, position)
            throw failure("unexpected char '\(Unicode.Scalar(value).map { String(Character($0)) } ?? "?")'")
        }
        switch found.symbol {
        case .leftBrace: open.append(0x7D)
        case .leftParenthesis: open.append(0x29)
        case .leftBracket: open.append(0x5D)
        case .rightBrace, .rightParenthesis, .rightBracket:
            guard let expected = open.popLast() else { throw failure("unexpected '\(found.symbol.rawValue)'") }
            if expected != found.bytes[0] {
                throw failure("unexpected '\(found.symbol.rawValue)', expected '\(Character(Unicode.Scalar(expected)))'")
            }
        default: break
        }
        tokens.append(Token(kind: .symbol(found.symbol), line: line))
        advance(to: position + found.bytes.count)
    }

    // MARK: Numbers

    /// The end of digits with single underscores between them, or nil where there is no digit.
    private func digits(_ from: Int, _ test: (UInt8) -> Bool = { (48...57).contains($0) }) -> Int? {
        guard from < source.count, test(source[from]) else { return nil }
        var index = from + 1
        while index < source.count {
            if test(source[index]) {
                index += 1
            } else if source[index] == 0x5F, index + 1 < source.count, test(source[index + 1]) {
                index += 2
            } else {
                break
            }
        }
        return index
    }

    private func exponentEnd(_ from: Int) -> Int? {
        guard from < source.count, source[from] | 0x20 == 0x65 else { return nil }
        let signed = from + 1 < source.count && (source[from + 1] == 0x2B || source[from + 1] == 0x2D)
        return digits(from + (signed ? 2 : 1))
    }

    private mutating func number() throws {
        let whole = digits(position) ?? position
        var end = whole
        var isFloat = false
        if position == 0 || source[position - 1] != 0x2E {
            if whole < source.count, source[whole] == 0x2E, let fraction = digits(whole + 1) {
                end = exponentEnd(fraction) ?? fraction
                isFloat = true
            } else if let exponent = exponentEnd(whole) {
                end = exponent
                isFloat = true
            }
        }
        if isFloat {
            let text = String(decoding: source[position..<end].filter { $0 != 0x5F }, as: UTF8.self)
            tokens.append(Token(kind: .float(strtod(text, nil)), line: line))
        } else {
            end = try integer(whole)
        }
        advance(to: end)
    }

    private mutating func integer(_ whole: Int) throws -> Int {
        var (start, end, radix) = (position, whole, 10)
        if source[position] == 0x30 {
            // No zeros before other digits: what follows the zeros is another token.
            end = digits(position) { $0 == 0x30 } ?? position + 1
            let letter = position + 1 < source.count ? source[position + 1] | 0x20 : 0
            let from = position + 2 < source.count && source[position + 2] == 0x5F ? position + 3 : position + 2
            for (mark, base) in [(UInt8(0x62), 2), (0x6F, 8), (0x78, 16)] where mark == letter {
                guard let found = digits(from, { Lexer.digit($0) < base }) else { continue }
                (start, end, radix) = (from, found, base)
            }
        }
        var value = 0
        for byte in source[start..<end] where byte != 0x5F {
            let (product, over) = value.multipliedReportingOverflow(by: radix)
            let (sum, more) = product.addingReportingOverflow(Lexer.digit(byte))
            if over || more { throw TemplateError(.unsupported, "an integer of more than 64 bits", line: line) }
            value = sum
        }
        tokens.append(Token(kind: .integer(value), line: line))
        return end
    }

    static func digit(_ byte: UInt8) -> Int {
        switch byte {
        case 48...57: Int(byte) - 48
        case 65...90: Int(byte) - 55
        case 97...122: Int(byte) - 87
        default: 99
        }
    }
}
