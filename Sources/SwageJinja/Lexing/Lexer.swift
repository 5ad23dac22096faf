/// Splits a source into tokens by the rules of Jinja's lexer with `trim_blocks` and `lstrip_blocks`.
struct Lexer {
    let source: [UInt8]
    var position = 0
    var line = 1
    var tokens: [Token] = []
    /// Whether what was matched last ended a line.
    private var isLineStart = true

    init(_ text: String) {
        var bytes = [UInt8]()
        bytes.reserveCapacity(text.utf8.count)
        var isAfterReturn = false
        for byte in text.utf8 {
            if byte == 10, isAfterReturn {
                isAfterReturn = false
                continue
            }
            isAfterReturn = byte == 13
            bytes.append(isAfterReturn ? 10 : byte)
        }
        if bytes.last == 10 { bytes.removeLast() }
        source = bytes
    }

    static func tokens(_ text: String) throws -> [Token] {
        var lexer = Lexer(text)
        while lexer.position < lexer.source.count { try lexer.root() }
        lexer.tokens.append(Token(kind: .end, line: lexer.line))
        return lexer.tokens
    }

    func failure(_ message: String) -> TemplateError { TemplateError(.syntax, message, line: line) }

    func matches(_ text: StaticString, at index: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        if index + count > source.count { return false }
        return text.withUTF8Buffer { source[index..<index + count].elementsEqual($0) }
    }

    func skippingSpace(_ from: Int) -> Int {
        var index = from
        while index < source.count {
            let (value, length) = Text.scalar(source, index)
            if !CharacterClass.isSpace(value) { break }
            index += length
        }
        return index
    }

    mutating func advance(to index: Int) {
        for byte in source[position..<index] where byte == 10 { line += 1 }
        isLineStart = index > position ? source[index - 1] == 10 : isLineStart
        position = index
    }

    private mutating func root() throws {
        var start = position
        while start + 1 < source.count {
            if source[start] == 0x7B, [0x7B, 0x25, 0x23].contains(source[start + 1]) { break }
            start += 1
        }
        if start + 1 >= source.count {
            emit(Text(Array(source[position...])))
            advance(to: source.count)
            return
        }
        var after = start + 2
        let sign: UInt8? = after < source.count && (source[after] == 0x2D || source[after] == 0x2B) ? source[after] : nil
        if sign != nil { after += 1 }
        let wasLineStart = isLineStart
        let isVariable = source[start + 1] == 0x7B
        emit(leading(start, sign, isVariable: isVariable, wasLineStart))
        switch source[start + 1] {
        case 0x7B:
            advance(to: after)
            tokens.append(Token(kind: .variableBegin, line: line))
            try tag(isVariable: true)
        case 0x23:
            advance(to: after)
            try comment()
        default:
            if let end = rawBegin(after) {
                advance(to: end)
                try raw()
            } else {
                advance(to: after)
                tokens.append(Token(kind: .blockBegin, line: line))
                try tag(isVariable: false)
            }
        }
    }

    private mutating func emit(_ text: Text) {
        if !text.isEmpty { tokens.append(Token(kind: .data(text), line: line)) }
    }

    /// The text before a tag, without what the tag's sign or `lstrip_blocks` takes off.
    private func leading(_ end: Int, _ sign: UInt8?, isVariable: Bool, _ wasLineStart: Bool) -> Text {
        let text = Text(Array(source[position..<end]))
        if sign == 0x2D { return text.stripped(left: false) }
        if sign == 0x2B || isVariable { return text }
        let lineBegin = (text.bytes.lastIndex(of: 10) ?? -1) + 1
        if lineBegin == 0, !wasLineStart { return text }
        let rest = text.slice(lineBegin, text.bytes.count)
        return rest.satisfies(CharacterClass.isSpace) ? text.slice(0, lineBegin) : text
    }

    private func rawBegin(_ after: Int) -> Int? {
        var index = skippingSpace(after)
        guard matches("raw", at: index) else { return nil }
        index = skippingSpace(index + 3)
        if matches("-%}", at: index) { return skippingSpace(index + 3) }
        return matches("%}", at: index) ? index + 2 : nil
    }

    /// The end of a block's closing brace, where one is at an index.
    func blockEnd(_ index: Int) -> Int? {
        if matches("+%}", at: index) { return index + 3 }
        if matches("-%}", at: index) { return skippingSpace(index + 3) }
        guard matches("%}", at: index) else { return nil }
        return index + 2 < source.count && source[index + 2] == 10 ? index + 3 : index + 2
    }

    private mutating func raw() throws {
        var start = position
        while start < source.count {
            if matches("{%", at: start) {
                var index = start + 2
                let sign: UInt8? = index < source.count && (source[index] == 0x2D || source[index] == 0x2B) ? source[index] : nil
                index = skippingSpace(sign == nil ? index : index + 1)
                if matches("endraw", at: index), let end = blockEnd(skippingSpace(index + 6)) {
                    emit(leading(start, sign, isVariable: false, isLineStart))
                    advance(to: end)
                    return
                }
            }
            start += 1
        }
        if position < source.count { throw failure("Missing end of raw directive") }
    }

    private mutating func comment() throws {
        var index = position
        while index < source.count {
            if matches("+#}", at: index) { return advance(to: index + 3) }
            if matches("-#}", at: index) { return advance(to: skippingSpace(index + 3)) }
            if matches("#}", at: index) {
                return advance(to: index + 2 < source.count && source[index + 2] == 10 ? index + 3 : index + 2)
            }
            index += 1
        }
        if position < source.count { throw failure("Missing end of comment tag") }
    }
}
