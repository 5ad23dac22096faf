/// Reads the number that a text gives as its answer, where graders of GSM8K and MATH look for it.
///
/// The number directly behind the last `####` (GSM8K); else the last one in the last `\boxed{…}` (MATH); else the last one in the
/// text. ``Reward/number`` has the rule for what a number is. Where something else stands in its place, such as a root, there is
/// none.
struct NumberReader {
    private let text: [Unicode.Scalar]

    /// - Returns: nil if there is no number where one was looked for.
    static func answer(in text: String) -> ExactNumber? {
        let plain = PlainMath.text(text)
        if let marked = plain.ranges(of: "####").reversed().lazy.compactMap({ markedNumber(in: plain[$0.upperBound...]) }).first {
            return marked
        }
        let place = lastBoxed(in: plain) ?? plain[...]
        return isTuple(place) ? nil : NumberReader(place).numbers.last ?? nil
    }

    private init(_ text: Substring) { self.text = Array(text.unicodeScalars) }

    /// The number that a line begins with; nil for a heading, as in `#### 2. Compute`.
    private static func markedNumber(in rest: Substring) -> ExactNumber? {
        let line = NumberReader(rest.prefix { !$0.isNewline })
        let start = line.text.prefix { $0 == " " || currencies.contains($0) }.count
        guard let (number, end) = line.element(at: start), let number else { return nil }
        let after = line.text[end...].drop { $0 == "%" }
        let isEnded = after.first == nil || after.elementsEqual(".".unicodeScalars) || " (=".unicodeScalars.contains(after.first!)
        return isEnded ? number : nil
    }

    /// Whether a text is a pair of numbers, an interval, a set, or the like: parts without spaces, one of them a number.
    private static func isTuple(_ text: Substring) -> Bool {
        guard let match = text.wholeMatch(of: /[\s$]*\\?[({\[]([^()\[\]{}]*[,;][^()\[\]{}]*?)\\?[)}\]][\s$.]*/) else { return false }
        // A number in parentheses may have marks between its thousands.
        guard match.1.wholeMatch(of: /\s*[-+$€£]?\d{1,3}(,\d{3})+(\.\d+)?%?\s*/) == nil else { return false }
        let parts = match.1.split { $0 == "," || $0 == ";" }.map { $0.trimmingPrefix(/\s+/).replacing(/\s+$/) { _ in "" } }
        return parts.count > 1 && !parts.contains { $0.contains(/\s/) } && parts.contains { $0.contains(/\d/) }
    }

    /// What stands in the last `\boxed{…}`, `\boxed …` or `\fbox{…}`.
    private static func lastBoxed(in text: String) -> Substring? {
        guard let box = text.ranges(of: /\\f?box(?:ed)?\s*/).last else { return nil }
        let rest = text[box.upperBound...]
        guard rest.first == "{" else { return rest.prefix { !$0.isWhitespace && $0 != "$" } }
        let inner = rest.unicodeScalars.dropFirst()
        return Substring(NumberReader(rest).endOfGroup(0).map { inner.prefix($0 - 2) } ?? inner)
    }

    /// All numbers, in order; nil for what is more than one, such as a root or a power.
    private var numbers: [ExactNumber?] {
        var found: [ExactNumber?] = []
        var place = 0
        while place < text.count {
            if let end = unreadable(at: place) {
                (found, place) = (found + [nil], end)
            } else if let end = raisedOrLowered(at: place) {
                place = end
            } else if let (number, end) = element(at: place) {
                (found, place) = (found + [number], end)
            } else {
                place += 1
            }
        }
        return found
    }

    /// What begins here: a number, a fraction, or nil for what is made of a number and is none. Exponents and indices of what is
    /// no number, as in `cm^2`, are nothing.
    private func element(at place: Int) -> (ExactNumber?, end: Int)? {
        guard let (number, end) = number(at: place) else { return nil }
        if let (mixed, end) = mixed(from: place, space: end) { return (mixed, end) }
        if let (fraction, end) = fraction(number, from: place, slash: end) { return (fraction, end) }
        if scalar(end) == "^", let (exponent, end) = index(at: end + 1) {
            return (number == ExactNumber(isNegative: false, whole: [1, 0]) ? exponent.map { .powerOfTen($0) } : nil, end)
        }
        if scalar(end) == "_", let (base, end) = index(at: end + 1) { return (base == 10 ? number : nil, end) }
        if scalar(end) == "^", let end = exponentEnd(end + 1) { return (nil, end) }
        // Python's power; Markdown's stars have no digit behind them.
        if scalar(end) == "*", scalar(end + 1) == "*", isDigit(end + 2) { return (nil, end + 2 + digits(from: end + 2).count) }
        let after = end + text.dropFirst(end).prefix { $0 == " " }.count
        if let end = unreadable(at: after) { return (nil, end) }
        if scalar(end) == "i", !isLetter(end + 1) { return (nil, end + 1) }
        return (number, end)
    }

    /// Where an exponent, or an index of one letter or a group, ends. Other underscores are Markdown's, or part of a name.
    private func raisedOrLowered(at place: Int) -> Int? {
        let isIndex = scalar(place) == "_" && (scalar(place - 1) == "}" || isLetter(place - 1) && !isLetter(place - 2))
        return isIndex || scalar(place) == "^" ? exponentEnd(place + 1) : nil
    }

    /// Where the exponent or index ends that begins here: a group, or a sign and digits, or one letter; nil if there is none.
    private func exponentEnd(_ place: Int) -> Int? {
        if scalar(place) == "{" || scalar(place) == "(" { return endOfGroup(place) }
        let start = scalar(place) == "-" || scalar(place) == "+" ? place + 1 : place
        let digits = digits(from: start)
        return !digits.isEmpty ? start + digits.count : isLetter(start) ? start + 1 : nil
    }

    /// A power or a base, in braces or without: its value, if it is a small whole number, and where it ends.
    private func index(at place: Int) -> (Int?, end: Int)? {
        let isBraced = scalar(place) == "{"
        var start = isBraced ? place + 1 : place
        let isNegative = scalar(start) == "-"
        if isNegative { start += 1 }
        let digits = digits(from: start)
        let end = start + digits.count
        guard !digits.isEmpty, !isBraced || scalar(end) == "}" else { return nil }
        let value = digits.count > 4 ? nil : digits.reduce(0) { $0 * 10 + Int($1) }
        return (value.map { isNegative ? -$0 : $0 }, isBraced ? end + 1 : end)
    }

    /// Where something ends that stands for a number which is not read: a root, π, a fraction of them, a part that repeats.
    private func unreadable(at place: Int) -> Int? {
        func isHere(_ sign: [Unicode.Scalar]) -> Bool { text.dropFirst(place).starts(with: sign) }
        if let sign = Self.symbols.first(where: isHere) { return place + sign.count + digits(from: place + sign.count).count }
        if let sign = Self.functions.first(where: isHere) { return argumentsEnd(place + sign.count) }
        guard let name = Self.names.first(where: isHere), !isLetter(place - 1) else { return nil }
        return argumentsEnd(place + name.count - 1)
    }

    private static let symbols = ["\\pi", "π", "\\infty", "∞"].map { Array($0.unicodeScalars) }
    private static let functions = ["\\sqrt", "\\frac", "\\overline", "\\pm", "√", "∛", "∜", "±"].map { Array($0.unicodeScalars) }
    private static let names = ["sqrt(", "cbrt("].map { Array($0.unicodeScalars) }

    /// Where the arguments end that begin here: groups in brackets, or else a number.
    private func argumentsEnd(_ start: Int) -> Int {
        let first = start + text.dropFirst(start).prefix { $0 == " " }.count
        var end = first
        while let next = endOfGroup(end) { end = next }
        return end > first ? end : first + digits(from: first).count
    }

    /// Where the bracket that opens here is closed; nil if none opens, or it never is.
    private func endOfGroup(_ start: Int) -> Int? {
        let pairs: [Unicode.Scalar: Unicode.Scalar] = ["{": "}", "[": "]", "(": ")"]
        guard let opening = scalar(start), let closing = pairs[opening] else { return nil }
        var depth = 0
        for place in start..<text.count {
            if text[place] == opening { depth += 1 }
            if text[place] == closing { depth -= 1 }
            if depth == 0 { return place + 1 }
        }
        return nil
    }

    private static let currencies = Array("$€£¥₹₩₽".unicodeScalars)

    private func scalar(_ place: Int) -> Unicode.Scalar? { text.indices.contains(place) ? text[place] : nil }
    private func isDigit(_ place: Int) -> Bool { scalar(place).map { "0"..."9" ~= $0 } ?? false }
    private func isLetter(_ place: Int) -> Bool { scalar(place)?.properties.isAlphabetic ?? false }
    private func digits(from place: Int) -> [UInt8] {
        text.dropFirst(place).prefix { "0"..."9" ~= $0 }.map { UInt8($0.value - 48) }
    }

    /// Whether a sign here is none, but a dash or an operator: it stands behind a word, a number or a bracket.
    private func isBehindWord(_ place: Int) -> Bool {
        guard let before = scalar(place - 1) else { return false }
        return (before.properties.isAlphabetic && !before.properties.isIdeographic) || before.properties.numericType != nil
            || ")]}+-".unicodeScalars.contains(before)
    }

    /// The number that begins here with its sign or its first digit, and where it ends.
    private func number(at start: Int) -> (ExactNumber, end: Int)? {
        var place = start
        var isNegative = false
        if let sign = scalar(place), sign == "+" || sign == "-" {
            if isBehindWord(place) { return nil }
            isNegative = sign == "-"
            place += 1
            if let sign = scalar(place), Self.currencies.contains(sign) { place += 1 }
        }
        guard let (whole, afterWhole) = whole(at: place, from: start) else { return nil }
        place = afterWhole
        var fraction: [UInt8] = []
        if scalar(place) == ".", isDigit(place + 1) {
            fraction = digits(from: place + 1)
            place += 1 + fraction.count
        }
        var exponent = 0
        if let (value, end) = power(at: place) { (exponent, place) = (value, end) }
        return (ExactNumber(isNegative: isNegative, whole: whole, fraction: fraction, exponent: exponent), place)
    }

    /// The digits before the point, without the marks between thousands. None before the point of `.5`.
    private func whole(at place: Int, from start: Int) -> (digits: [UInt8], end: Int)? {
        if scalar(place) == ".", isDigit(place + 1), place > start || !(isBehindWord(place) || scalar(place - 1) == ".") {
            return ([], place)
        }
        guard isDigit(place) else { return nil }
        var whole = digits(from: place)
        var end = place + whole.count
        guard whole.count <= 3 else { return (whole, end) }
        var groups: [UInt8] = []
        var next = end
        let mark = [",", "_", "'", "\u{2019}"].first { $0 == scalar(next) }
        while let mark, scalar(next) == mark, digits(from: next + 1).count == 3 {
            groups += digits(from: next + 1)
            next += 4
        }
        // 1,000,5 is a list.
        if !(scalar(next) == "," && isDigit(next + 1)) { (whole, end) = (whole + groups, next) }
        return (whole, end)
    }

    /// The power of ten that `e3` or `E-3` is, and where it ends.
    private func power(at place: Int) -> (Int, end: Int)? {
        guard scalar(place) == "e" || scalar(place) == "E" else { return nil }
        let isSigned = scalar(place + 1) == "+" || scalar(place + 1) == "-"
        let start = place + (isSigned ? 2 : 1)
        guard isDigit(start) else { return nil }
        let digits = digits(from: start)
        let end = start + digits.count
        // What has a letter behind it is a word, and what has more digits no number that anyone answers with.
        guard digits.count <= 9, !isLetter(end) else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1) }
        return (isSigned && scalar(place + 1) == "-" ? -value : value, end)
    }

    /// The whole number and a fraction that `1 1/2` is.
    private func mixed(from start: Int, space: Int) -> (ExactNumber, end: Int)? {
        let isSigned = scalar(start) == "-" || scalar(start) == "+"
        let slash = space + 1 + digits(from: space + 1).count
        let parts = [start + (isSigned ? 1 : 0), space + 1, slash + 1].map { digits(from: $0) }
        let end = slash + 1 + parts[2].count
        guard scalar(space) == " ", scalar(slash) == "/", parts.allSatisfy({ 1...6 ~= $0.count }),
            start + (isSigned ? 1 : 0) + parts[0].count == space, scalar(end) != "/", !(scalar(end) == "." && isDigit(end + 1))
        else { return nil }
        let values = parts.map { $0.reduce(0) { $0 * 10 + Int($1) } }
        guard values[1] < values[2] else { return nil }
        let numerator = String(values[0] * values[2] + values[1]).utf8.map { $0 - 48 }
        let whole = ExactNumber(isNegative: scalar(start) == "-", whole: numerator)
        return ExactNumber(whole, over: ExactNumber(isNegative: false, whole: parts[2])).map { ($0, end) }
    }

    /// The fraction of two numbers that `3/4` is, unless it is part of a date or a path.
    private func fraction(_ number: ExactNumber, from start: Int, slash: Int) -> (ExactNumber, end: Int)? {
        let isSigned = scalar(slash + 1) == "-" || scalar(slash + 1) == "+"
        guard scalar(slash) == "/", isDigit(slash + (isSigned ? 2 : 1)), isDigit(slash - 1), !(start > 0 && scalar(start - 1) == "/"),
            let (divisor, end) = self.number(at: slash + 1), scalar(end) != "/", slash - start < 400, end - slash < 400
        else { return nil }
        return ExactNumber(number, over: divisor).map { ($0, end) }
    }
}
