import Swage

/// Reads a regular expression in the syntax of Oniguruma, or of Rust's `fancy-regex`, as far as tokenizers use it.
///
/// What is not known here is an error that names it.
struct RegularExpressionParser {
    /// Deeper groups could use up the stack.
    private static let maximumDepth = 50
    static let maximumLength = 1 << 16

    let version: UnicodeProperties.Version
    private let pattern: [Unicode.Scalar]
    var place = 0
    private var depth = 0
    private var ignoresCase = false
    /// Whether `.` is a line break, too.
    private var dotIsAll = false

    init(_ pattern: String, _ version: UnicodeProperties.Version) throws {
        self.pattern = Array(pattern.unicodeScalars)
        self.version = version
        guard self.pattern.count <= Self.maximumLength else {
            throw unsupported("it has \(self.pattern.count) characters", expected: "at most \(Self.maximumLength)")
        }
    }

    mutating func parse() throws -> RegularExpressionNode {
        let node = try alternatives()
        guard peek == nil else { throw unsupported("\")\" closes no group", expected: "as many as groups are opened") }
        return node
    }

    func unsupported(_ what: String, expected: String) -> TrainerError {
        let text = String(String.UnicodeScalarView(pattern.prefix(200)))
        return TrainerError(.unsupported, "the regular expression \"\(text)\": at character \(place + 1), \(what)", expected: expected)
    }

    var peek: Unicode.Scalar? { place < pattern.count ? pattern[place] : nil }

    func peek(_ ahead: Int) -> Unicode.Scalar? { place + ahead < pattern.count ? pattern[place + ahead] : nil }

    mutating func next() throws -> Unicode.Scalar {
        guard let scalar = peek else { throw unsupported("the pattern ends", expected: "more of it") }
        place += 1
        return scalar
    }

    mutating func take(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        guard place + scalars.count <= pattern.count, Array(pattern[place..<place + scalars.count]) == scalars else { return false }
        place += scalars.count
        return true
    }

    private mutating func alternatives() throws -> RegularExpressionNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else {
            throw unsupported("groups lie \(depth) deep in each other", expected: "at most \(Self.maximumDepth)")
        }
        // An option in the midst of a group holds up to its end.
        let (ignoredCase, dotWasAll) = (ignoresCase, dotIsAll)
        defer { (ignoresCase, dotIsAll) = (ignoredCase, dotWasAll) }
        var parts = [try sequence()]
        while take("|") { parts.append(try sequence()) }
        return parts.count == 1 ? parts[0] : .alternatives(parts)
    }

    private mutating func sequence() throws -> RegularExpressionNode {
        var parts: [RegularExpressionNode] = []
        var folded: [Unicode.Scalar] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            let start = place
            var part = try atom()
            if ignoresCase, place == start + 1, scalar.isASCII { folded.append(scalar) } else { folded = [] }
            if isMultipleFold(folded) {
                throw unsupported(
                    "letters that one character stands for when case does not count", expected: "none, as no tokenizer has them")
            }
            while let repeated = try quantified(part) { part = repeated }
            parts.append(part)
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    /// Whether the last letters are what a ligature or ß folds to.
    private func isMultipleFold(_ letters: [Unicode.Scalar]) -> Bool {
        let text = String(String.UnicodeScalarView(letters)).lowercased()
        return ["ss", "ff", "fi", "fl", "st"].contains(where: text.hasSuffix)
    }

    private mutating func quantified(_ part: RegularExpressionNode) throws -> RegularExpressionNode? {
        let start = place
        guard let scalar = peek else { return nil }
        var minimum = 0
        var maximum: Int?
        var isInterval = false
        switch scalar {
        case "*": place += 1
        case "+": (place, minimum) = (place + 1, 1)
        case "?": (place, maximum) = (place + 1, 1)
        case "{":
            guard let bounds = try interval() else { return nil }
            (minimum, maximum, isInterval) = (bounds.minimum, bounds.maximum, true)
        default: return nil
        }
        var greed = RegularExpressionNode.Greed.greedy
        if peek == "?" {
            if isInterval, version == .oniguruma, minimum == maximum {
                throw unsupported("{n}? is no lazy repeat in Oniguruma", expected: "{n}, or {n,m}?")
            }
            place += 1
            greed = .lazy
        } else if peek == "+", !isInterval || version == .rust {
            place += 1
            greed = .possessive
        }
        switch part {
        case .lookahead, .lookbehind, .assertion:
            place = start
            throw unsupported("an assertion is repeated", expected: "what matches characters")
        default: break
        }
        if part.canBeEmpty, maximum == nil {
            place = start
            throw unsupported("what can be empty is repeated", expected: "what matches at least one character")
        }
        return .repeated(part, minimum: minimum, maximum: maximum, greed)
    }

    /// `{n}`, `{n,}`, `{,m}` and `{n,m}`; nil where the brace is a character like others.
    private mutating func interval() throws -> (minimum: Int, maximum: Int?)? {
        let start = place
        place += 1
        let low = digits()
        let hasComma = take(",")
        let high = hasComma ? digits() : low
        guard take("}"), low != nil || high != nil else {
            place = start
            guard version == .oniguruma else { throw unsupported("\"{\" begins no interval", expected: "\\{") }
            return nil
        }
        let (minimum, maximum) = (low ?? 0, high)
        guard minimum <= 1000, maximum ?? 0 <= 1000 else { throw unsupported("an interval goes over 1000", expected: "at most 1000") }
        if let maximum, maximum < minimum {
            throw unsupported("an interval of \(minimum) to \(maximum)", expected: "the lower number first")
        }
        return (minimum, maximum)
    }

    private mutating func digits() -> Int? {
        var value: Int?
        while let scalar = peek, ("0"..."9").contains(scalar) {
            value = min((value ?? 0) * 10 + Int(scalar.value - 0x30), 1 << 20)
            place += 1
        }
        return value
    }

    private mutating func atom() throws -> RegularExpressionNode {
        let start = place
        let scalar = try next()
        switch scalar {
        case "(": return try group()
        case "[": return .set(try bracket(ignoresCase: ignoresCase))
        case ".": return .set(dotIsAll ? .all : ScalarSet(["\n"]).inverted)
        case "^": return .assertion(version == .rust ? .textStart : .lineStart)
        case "$": return .assertion(version == .rust ? .textEnd : .lineEnd)
        case "*", "+", "?":
            place = start
            throw unsupported("\"\(scalar)\" repeats nothing", expected: "something before it")
        case "{":
            // At the beginning of something, an interval repeats nothing.
            place = start
            if let _ = try interval() { throw unsupported("an interval repeats nothing", expected: "something before it") }
            place = start + 1
            return .set(ScalarSet([scalar]))
        case "\\": return try escape()
        default: return .set(try literal(scalar))
        }
    }

    private func literal(_ scalar: Unicode.Scalar) throws -> ScalarSet {
        guard ignoresCase else { return ScalarSet([scalar]) }
        guard let set = Self.withoutCase(ScalarSet([scalar])) else {
            throw unsupported("\"\(scalar)\" where case does not count", expected: "characters of ASCII")
        }
        return set
    }

    /// A set of ASCII with what differs from it only by case; nil for another set.
    static func withoutCase(_ set: ScalarSet) -> ScalarSet? {
        guard set.ranges.allSatisfy({ $0.upperBound <= 0x80 }) else { return nil }
        var scalars: [Unicode.Scalar] = []
        for value in set.ranges.joined() {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let properties = scalar.properties
            scalars += [scalar] + properties.lowercaseMapping.unicodeScalars + properties.uppercaseMapping.unicodeScalars
            if scalar == "k" || scalar == "K" { scalars.append("\u{212A}") }
            if scalar == "s" || scalar == "S" { scalars.append("\u{17F}") }
        }
        return ScalarSet(scalars)
    }

    private mutating func group() throws -> RegularExpressionNode {
        func closed(_ parser: inout Self) throws -> RegularExpressionNode {
            let node = try parser.alternatives()
            guard parser.take(")") else { throw parser.unsupported("a group is not closed", expected: "\")\"") }
            return node
        }
        if take("?:") { return try closed(&self) }
        if take("?>") { return .atomic(try closed(&self)) }
        if take("?=") { return .lookahead(try closed(&self), isNegated: false) }
        if take("?!") { return .lookahead(try closed(&self), isNegated: true) }
        for (opening, isNegated) in [("?<=", false), ("?<!", true)] where take(opening) {
            let node = try closed(&self)
            let lengths = if case .alternatives(let parts) = node { parts.map(\.length) } else { [node.length] }
            guard !lengths.contains(nil) else {
                throw unsupported("a look behind of many lengths", expected: "one length for each alternative")
            }
            return .lookbehind(node, isNegated: isNegated)
        }
        if take("?#") {
            while let scalar = peek, scalar != ")" { place += scalar == "\\" ? 2 : 1 }
            guard take(")") else { throw unsupported("a comment is not closed", expected: "\")\"") }
            return .empty
        }
        if take("?") { return try options(closed) }
        // What a group captured is asked for nowhere: references back are not known here.
        return try closed(&self)
    }

    /// `(?i:…)` and `(?i)`.
    private mutating func options(_ closed: (inout Self) throws -> RegularExpressionNode) throws -> RegularExpressionNode {
        let (ignoredCase, dotWasAll) = (ignoresCase, dotIsAll)
        var isOn = true
        while true {
            switch try next() {
            case "-": isOn = false
            case "i": ignoresCase = isOn
            case "m" where version == .oniguruma: dotIsAll = isOn
            case "s" where version == .rust: dotIsAll = isOn
            case ":":
                defer { (ignoresCase, dotIsAll) = (ignoredCase, dotWasAll) }
                return try closed(&self)
            case ")":
                // The rest of the group is under the option: in Oniguruma as a group of its own, with its alternatives.
                guard version == .oniguruma || place <= 5 else {
                    throw unsupported("an option in the midst", expected: "one at the beginning")
                }
                return try alternatives()
            case let other:
                place -= 1
                throw unsupported("the group (?\(other)", expected: "(?:, (?i:, (?=, (?!, (?<=, (?<!, or (?>")
            }
        }
    }

    private mutating func escape() throws -> RegularExpressionNode {
        let start = place - 1
        let scalar = try next()
        switch scalar {
        case "A": return .assertion(.textStart)
        case "z": return .assertion(.textEnd)
        case "Z" where version == .oniguruma: return .assertion(.textEndOrLastLineBreak)
        case "b": return .assertion(.wordBorder)
        case "B": return .assertion(.noWordBorder)
        default:
            place = start + 1
            if let set = try classEscape() { return .set(set) }
            return .set(try literal(try characterEscape()))
        }
    }
}
