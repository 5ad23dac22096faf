/// A step from the spellings of tokens to text.
enum TokenDecoder: Sendable {
    case byteLevel
    case wordPiece(prefix: [UInt8], cleansUp: Bool)
    case metaspace(replacement: [UInt8], dropsFirst: Bool)
    case bytePairs(suffix: [UInt8])
    case byteFallback
    case fuse
    case strip([UInt8], start: Int, end: Int)
    case replaceText([UInt8], with: [UInt8])
    case replacePattern(RegularExpression, with: [UInt8])
    case connectionist(padding: [UInt8], delimiter: [UInt8], cleansUp: Bool)

    /// - Parameter isWhole: whether the tokens are a whole text; else they are some from the midst of one.
    func decode(_ tokens: [[UInt8]], isWhole: Bool = true) -> [[UInt8]] {
        switch self {
        case .byteLevel:
            let bytes = tokens.flatMap { ByteLevelAlphabet.bytes(ofSpelling: $0) ?? $0 }
            return [isWhole ? Array(String(decoding: bytes, as: UTF8.self).utf8) : bytes]
        case .wordPiece(let prefix, let cleansUp):
            return tokens.enumerated().map { index, token in
                var text = token
                if index > 0 || !isWhole { text = token.starts(with: prefix) ? Array(token[prefix.count...]) : [0x20] + token }
                return cleansUp ? Self.cleanedUp(text) : text
            }
        case .metaspace(let replacement, let dropsFirst):
            return tokens.enumerated().map { index, token in
                token.replacing(replacement, with: index == 0 && dropsFirst && isWhole ? [] : [0x20])
            }
        case .bytePairs(let suffix):
            return tokens.enumerated().map { index, token in
                token.replacing(suffix, with: index == tokens.count - 1 && isWhole ? [] : [0x20])
            }
        case .byteFallback: return Self.joinedBytes(tokens, isWhole: isWhole)
        case .fuse: return [Array(tokens.joined())]
        case .strip(let content, let start, let end):
            return isWhole ? tokens.map { Self.stripped($0, content, start, end) } : tokens
        case .replaceText(let pattern, let content): return tokens.map { $0.replacing(pattern, with: content) }
        case .replacePattern(let pattern, let content):
            return tokens.map { token in
                var text: [UInt8] = []
                var place = 0
                for range in pattern.matches(in: token) {
                    text += token[place..<range.lowerBound] + content
                    place = range.upperBound
                }
                return text + token[place...]
            }
        case .connectionist(let padding, let delimiter, let cleansUp):
            var last: [UInt8]?
            return tokens.compactMap { token in
                if isWhole, token == last { return nil }
                last = token
                var text = token.replacing(padding, with: [])
                if cleansUp { text = Self.cleanedUp(text).replacing(delimiter, with: [0x20]) }
                return text.isEmpty ? nil : text
            }
        }
    }

    /// The spaces that word pieces leave before punctuation and within English contractions.
    private static func cleanedUp(_ text: [UInt8]) -> [UInt8] {
        if !text.contains(0x20) { return text }
        let replacements = [
            (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
            (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
        ]
        return replacements.reduce(text) { $0.replacing(Array($1.0.utf8), with: Array($1.1.utf8)) }
    }

    /// The byte that `<0x0A>` and its like stand for.
    static func byte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
        // Rust takes a sign before the digits for a part of the number.
        let digits = token[3] == UInt8(ascii: "+") ? token[4...4] : token[3...4]
        var value: UInt8 = 0
        for digit in digits {
            guard let number = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
            value = value << 4 | UInt8(number)
        }
        return value
    }

    private static func joinedBytes(_ tokens: [[UInt8]], isWhole: Bool) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var bytes: [UInt8] = []
        func flush() {
            if bytes.isEmpty { return }
            if !isWhole || String(validating: bytes, as: UTF8.self) != nil {
                result.append(bytes)
            } else {
                result += Array(repeating: Array("\u{FFFD}".utf8), count: bytes.count)
            }
            bytes = []
        }
        for token in tokens {
            if let byte = byte(token) {
                bytes.append(byte)
            } else {
                flush()
                result.append(token)
            }
        }
        flush()
        return result
    }

    private static func stripped(_ token: [UInt8], _ content: [UInt8], _ start: Int, _ end: Int) -> [UInt8] {
        var rest = token[...]
        for _ in 0..<min(start, token.count) {
            guard rest.starts(with: content) else { break }
            rest = rest.dropFirst(content.count)
        }
        for _ in 0..<min(end, token.count) {
            guard rest.count >= content.count, rest.suffix(content.count).elementsEqual(content) else { break }
            rest = rest.dropLast(content.count)
        }
        return Array(rest)
    }
}

extension [UInt8] {
    func replacing(_ pattern: [UInt8], with content: [UInt8]) -> [UInt8] {
        let ranges = ranges(of: pattern)
        if ranges.isEmpty { return self }
        var result: [UInt8] = []
        var place = 0
        for range in ranges {
            result += self[place..<range.lowerBound] + content
            place = range.upperBound
        }
        return result + self[place...]
    }
}

extension ByteLevelAlphabet {
    /// The byte of each scalar of the alphabet; negative for the others.
    private static let bytesByScalar: [Int16] = {
        var table = [Int16](repeating: -1, count: 0x180)
        for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = Int16(byte) }
        return table
    }()

    /// What a token stands for; nil if it is not spelled in the alphabet.
    static func bytes(ofSpelling token: [UInt8]) -> [UInt8]? {
        token.withUnsafeBufferPointer { token in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(token.count)
            var index = 0
            while index < token.count {
                let (value, width) = token.scalar(at: index)
                guard value < 0x180, bytesByScalar[Int(value)] >= 0 else { return nil }
                bytes.append(UInt8(bytesByScalar[Int(value)]))
                index += width
            }
            return bytes
        }
    }
}
