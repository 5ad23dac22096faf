/// Reads the number that a text gives as its answer, as graders of GSM8K and MATH do.
///
/// The number behind the last `####` that nothing else follows in its line (GSM8K); else the last one in the last
/// `\boxed{…}` (MATH); else the last one in the text. ``Reward/number`` has the rule for what a number is.
struct NumberReader {
    private let text: [Unicode.Scalar]

    /// - Returns: nil if there is no number where one was looked for.
    static func answer(in text: String) -> ExactNumber? {
        let plain = plain(text)
        if let marked = plain.ranges(of: "####").reversed().lazy.compactMap({ markedNumber(in: plain[$0.upperBound...]) }).first {
            return marked
        }
        if let boxed = lastBoxed(in: plain) { return NumberReader(boxed).numbers.last }
        return NumberReader(plain[...]).numbers.last
    }

    private init(_ text: Substring) { self.text = Array(text.unicodeScalars) }

    /// The text with digits, signs and marks of other writing systems and of LaTeX as ASCII has them.
    private static func plain(_ text: String) -> String {
        var plain = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\u{2212}", "\u{2013}", "\u{FE63}", "\u{FF0D}": plain.append("-")
            case "\u{FF0B}": plain.append("+")
            case "\u{FF0E}": plain.append(".")
            case "\u{FF0C}": plain.append(",")
            case "\u{FF0F}", "\u{2044}", "\u{2215}": plain.append("/")
            default:
                if scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue {
                    plain += "\(Int(value))"
                } else {
                    plain.unicodeScalars.append(scalar)
                }
            }
        }
        return plain.replacing("{,}", with: ",").replacing("\\!", with: "").replacing("\\$", with: "$").replacing("\\%", with: "%")
            .replacing(/(\d)\s*(?:×|\\times|\\cdot|⋅|·|\*)\s*10\s*\^\s*(?:\{\s*([-+]?\d{1,4})\s*\}|([-+]?\d{1,4}))/) { "\($0.1)e\($0.2 ?? $0.3 ?? "0")" }
            .replacing(/(\d\s*)?\\[dt]?frac\s*(?:\{\s*(-?\d+)\s*\}|(\d))\s*(?:\{\s*(-?\d+)\s*\}|(\d))/) {
                let before = $0.1.map { "\($0.first!) " } ?? ""
                return before + "\($0.2 ?? $0.3 ?? "")/\($0.4 ?? $0.5 ?? "")"
            }
    }

    /// The number that a line consists of, but for what stands around it.
    private static func markedNumber(in rest: Substring) -> ExactNumber? {
        let line = rest.prefix { !$0.isNewline }
        let numbers = NumberReader(line).numbers
        return numbers.count == 1 && !line.contains { $0.isLetter && $0 != "e" && $0 != "E" } ? numbers[0] : nil
    }

    private static func lastBoxed(in text: String) -> Substring? {
        guard let start = text.ranges(of: "\\boxed{").last?.upperBound else { return nil }
        var depth = 1
        for index in text[start...].indices {
            if text[index] == "{" { depth += 1 }
            if text[index] == "}" { depth -= 1 }
            if depth == 0 { return text[start..<index] }
        }
        return text[start...]
    }

    /// All numbers, in order.
    private var numbers: [ExactNumber] {
        var found: [ExactNumber] = []
        var place = 0
        while place < text.count {
            guard let (number, end) = number(at: place) else {
                place += 1
                continue
            }
            if let (mixed, end) = mixed(from: place, space: end) {
                (found, place) = (found + [mixed], end)
            } else if let (fraction, end) = fraction(number, from: place, slash: end) {
                (found, place) = (found + [fraction], end)
            } else {
                (found, place) = (found + [number], end)
            }
        }
        return found
    }

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
            if scalar(place) == "$" { place += 1 }
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
