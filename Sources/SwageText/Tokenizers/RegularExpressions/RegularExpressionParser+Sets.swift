import Swage

extension RegularExpressionParser {
    /// What follows `[`, up to its `]`.
    mutating func bracket(ignoresCase: Bool, depth: Int = 0) throws -> ScalarSet {
        guard depth < 20 else { throw unsupported("sets lie \(depth) deep in each other", expected: "at most 20") }
        let isNegated = take("^")
        var set = ScalarSet.none
        var intersections: [ScalarSet] = []
        var isFirst = true
        while true {
            if peek == "]", !isFirst {
                place += 1
                break
            }
            if peek == "]" { throw unsupported("an empty set", expected: "characters in it") }
            isFirst = false
            if take("&&") {
                intersections.append(set)
                set = .none
                continue
            }
            set = set.union(try bracketItem(depth))
        }
        if version == .rust, depth > 0 || !intersections.isEmpty { throw unsupported("sets in sets", expected: "plain ones") }
        for other in intersections { set = set.intersection(other) }
        if ignoresCase {
            guard let folded = Self.withoutCase(set) else { throw unsupported("a set where case does not count", expected: "one of ASCII") }
            set = folded
        }
        return isNegated ? set.inverted : set
    }

    private mutating func bracketItem(_ depth: Int) throws -> ScalarSet {
        if peek == "[", peek(1) == ":" { return try posixBracket() }
        if take("[") { return try bracket(ignoresCase: false, depth: depth + 1) }
        if peek == "\\" {
            place += 1
            if let set = try classEscape(isInSet: true) {
                if peek == "-", let after = peek(1), after != "]" {
                    throw unsupported("a range from a class", expected: "one from a character")
                }
                return set
            }
            return try range(from: try characterEscape(isInSet: true))
        }
        return try range(from: try next())
    }

    private mutating func range(from first: Unicode.Scalar) throws -> ScalarSet {
        guard peek == "-", let after = peek(1), after != "]" else { return ScalarSet([first]) }
        place += 1
        let last: Unicode.Scalar
        if peek == "\\" {
            place += 1
            if let letter = peek, "pPwWdDsShH".unicodeScalars.contains(letter) {
                throw unsupported("a range to a class", expected: "one to a character")
            }
            last = try characterEscape(isInSet: true)
        } else if peek == "[" {
            throw unsupported("a range to a set", expected: "one to a character")
        } else {
            last = try next()
        }
        guard first <= last else { throw unsupported("a range from \"\(first)\" to \"\(last)\"", expected: "the lower one first") }
        return ScalarSet([first.value..<last.value + 1])
    }

    private mutating func posixBracket() throws -> ScalarSet {
        let start = place
        place += 2
        let isNegated = take("^")
        var name = ""
        while let scalar = peek, scalar != ":", name.utf8.count < 12 { name.unicodeScalars.append(try next()) }
        guard take(":]"), version == .oniguruma else {
            place = start
            throw unsupported("\"[:\" in a set", expected: "\\[:, or a name such as [:alpha:]")
        }
        let set: ScalarSet? =
            switch name {
            case "alpha": UnicodeProperties.set(named: "Alphabetic", version)
            case "digit": UnicodeProperties.set(named: "Nd", version)
            case "alnum": UnicodeProperties.set(named: "Alphabetic", version)?.union(UnicodeProperties.set(named: "Nd", version) ?? .none)
            case "word": UnicodeProperties.wordInSet(version)
            case "upper", "lower", "space", "punct", "graph", "print": UnicodeProperties.set(named: name, version)
            case "cntrl": UnicodeProperties.set(named: "Cc", version)
            case "xdigit": UnicodeProperties.shorthand("h", version)
            case "ascii": ScalarSet([0..<0x80])
            default: nil
            }
        guard let set else {
            place = start
            throw unsupported("the set [:\(name):]", expected: "a known one, such as [:alpha:]")
        }
        return isNegated ? set.inverted : set
    }

    /// `\p{…}`, `\w` and their like after the backslash; nil if the escape is one of a character.
    mutating func classEscape(isInSet: Bool = false) throws -> ScalarSet? {
        guard let letter = peek else { throw unsupported("the pattern ends after a backslash", expected: "an escape") }
        switch letter {
        case "w" where isInSet, "W" where isInSet:
            place += 1
            return letter == "w" ? UnicodeProperties.wordInSet(version) : UnicodeProperties.wordInSet(version).inverted
        case "w", "d", "s", "h":
            guard let set = UnicodeProperties.shorthand(letter, version) else { return nil }
            place += 1
            return set
        case "W", "D", "S", "H":
            guard let lower = letter.properties.lowercaseMapping.unicodeScalars.first,
                let set = UnicodeProperties.shorthand(lower, version)
            else { return nil }
            place += 1
            return set.inverted
        case "p", "P":
            place += 1
            return try property(isNegated: letter == "P", isInSet: isInSet)
        default: return nil
        }
    }

    private mutating func property(isNegated: Bool, isInSet: Bool) throws -> ScalarSet {
        let start = place
        var isNegated = isNegated
        var name = ""
        if take("{") {
            if take("^") { isNegated.toggle() }
            while let scalar = peek, scalar != "}", name.utf8.count < 60 { name.unicodeScalars.append(try next()) }
            guard take("}") else { throw unsupported("a property without end", expected: "\"}\"") }
        } else if version == .rust {
            name.unicodeScalars.append(try next())
        } else {
            throw unsupported("\\p without a brace", expected: "\\p{…}")
        }
        let isWord = isInSet && name.lowercased() == "word"
        guard let set = isWord ? UnicodeProperties.wordInSet(version) : UnicodeProperties.set(named: name, version) else {
            place = start
            throw unsupported("the property \"\(name)\" is not known", expected: "a general category or a script")
        }
        return isNegated ? set.inverted : set
    }

    /// The character that an escape stands for.
    mutating func characterEscape(isInSet: Bool = false) throws -> Unicode.Scalar {
        let start = place
        let letter = try next()
        switch letter {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "f": return "\u{0C}"
        case "v" where version == .oniguruma: return "\u{0B}"
        case "a": return "\u{07}"
        case "e" where version == .oniguruma: return "\u{1B}"
        case "0" where version == .oniguruma && !(peek.map { ("0"..."7").contains($0) } ?? false): return "\0"
        case "x":
            if take("{") { return try hexadecimal(1...8, closing: "}") }
            let scalar = try hexadecimal(2...2, closing: nil)
            // In Oniguruma, this is a byte of UTF-8.
            guard scalar.value < 0x80 else {
                throw unsupported("the byte \\x\(String(scalar.value, radix: 16))", expected: "\\x{…}, or \\u")
            }
            return scalar
        case "u" where version == .oniguruma: return try hexadecimal(4...4, closing: nil)
        case let other where other.value < 0x80 && !other.properties.isAlphabetic && other.properties.numericType == nil: return other
        case let other where other.value >= 0x80: return other
        default:
            place = start
            throw unsupported("the escape \\\(letter)", expected: "one that is known, such as \\n, \\p{L} or \\s")
        }
    }

    private mutating func hexadecimal(_ counts: ClosedRange<Int>, closing: String?) throws -> Unicode.Scalar {
        var value: UInt32 = 0
        var count = 0
        while count < counts.upperBound, let digit = peek.flatMap({ $0.isASCII ? Character($0).hexDigitValue : nil }) {
            value = value << 4 | UInt32(digit)
            count += 1
            place += 1
        }
        let isClosed = closing.map { take($0) } ?? true
        guard counts.contains(count), isClosed, let scalar = Unicode.Scalar(value) else {
            throw unsupported("a number that is no character", expected: "hexadecimal digits of one")
        }
        return scalar
    }
}
