/// How one value is to be written: what follows the `%` or the colon, read.
struct FormatSpecification {
    var fill = Text(" ")
    /// `<`, `>`, `^` or `=`; nil where the value's own side is meant.
    var alignment: UInt8?
    /// `+`, space or `-`.
    var sign: UInt8 = 0x2D
    var isAlternate = false
    var width = 0
    var grouping: UInt8?
    var precision: Int?
    var type: UInt8?

    /// Filled to the width, with a sign that stays in front of zeros.
    func padded(_ text: Text, prefix: Text = Text(), isNumber: Bool, _ meter: Meter?) throws -> Text {
        let missing = width - text.count - prefix.count
        try meter?.take(bytes: max(0, missing))
        if missing > 10_000_000 { throw TemplateError.limit("a width of \(width)") }
        var result = Text()
        switch alignment ?? (isNumber ? 0x3E : 0x3C) {
        case 0x3D:
            result.append(prefix)
            result.append(text.padded(left: missing, right: 0, with: fill))
            return result
        case 0x3C:
            result.append(prefix)
            result.append(text)
            return result.padded(left: 0, right: missing, with: fill)
        case 0x5E:
            result.append(prefix)
            result.append(text)
            return result.padded(left: max(0, missing) / 2, right: max(0, missing) - max(0, missing) / 2, with: fill)
        default:
            result.append(prefix)
            result.append(text)
            return result.padded(left: missing, right: 0, with: fill)
        }
    }

    func signText(isNegative: Bool) -> String {
        isNegative ? "-" : sign == 0x2B ? "+" : sign == 0x20 ? " " : ""
    }

    /// An integer in the base of a type.
    func integer(_ value: Int, _ meter: Meter?) throws -> Text {
        let magnitude = value.magnitude
        var (digits, prefix) = ("", "")
        switch type {
        case 0x78: (digits, prefix) = (String(magnitude, radix: 16), "0x")
        case 0x58: (digits, prefix) = (String(magnitude, radix: 16, uppercase: true), "0X")
        case 0x6F: (digits, prefix) = (String(magnitude, radix: 8), "0o")
        case 0x62: (digits, prefix) = (String(magnitude, radix: 2), "0b")
        default: digits = String(magnitude)
        }
        if let precision, digits.utf8.count < precision {
            if precision > 1_000_000 { throw TemplateError.limit("a precision of \(precision)") }
            digits = String(repeating: "0", count: precision - digits.utf8.count) + digits
        }
        let lead = signText(isNegative: value < 0) + (isAlternate ? prefix : "")
        let size = [0x78, 0x58, 0x6F, 0x62].contains(type) ? 4 : 3
        return try padded(Text(grouped(digits, size, lead.utf8.count)), prefix: Text(lead), isNumber: true, meter)
    }

    /// A floating-point number by `e`, `f`, `g`, `%` or, where no type is given, the shortest digits.
    func float(_ value: Double, _ meter: Meter?) throws -> Text {
        if let precision, precision > 10_000 { throw TemplateError.limit("a precision of \(precision)") }
        let magnitude = Swift.abs(value)
        var body: String
        let letter = type ?? 0x67
        let isUpper = letter < 0x61 && letter != 0x25
        if !magnitude.isFinite {
            body = magnitude.isNaN ? "nan" : "inf"
            if letter == 0x25 { body += "%" }
        } else {
            switch letter | 0x20 {
            case 0x65: body = FloatText.format(magnitude, "e", precision: precision ?? 6, alternate: isAlternate)
            case 0x66: body = FloatText.format(magnitude, "f", precision: precision ?? 6, alternate: isAlternate)
            case 0x25: body = FloatText.format(magnitude * 100, "f", precision: precision ?? 6, alternate: isAlternate) + "%"
            default:
                if type == nil {
                    body = FloatText.repr(magnitude)
                    if let precision { body = shortest(magnitude, precision) }
                } else {
                    body = FloatText.format(magnitude, "g", precision: precision ?? 6, alternate: isAlternate)
                }
            }
        }
        if isUpper { body = body.uppercased() }
        let lead = signText(isNegative: value.sign == .minus && !value.isNaN)
        return try padded(Text(grouped(body, 3, lead.utf8.count)), prefix: Text(lead), isNumber: true, meter)
    }

    /// Like `g`, with at least one digit after the point.
    private func shortest(_ value: Double, _ precision: Int) -> String {
        let precision = max(1, precision)
        let exponent = Int(FloatText.format(value, "e", precision: precision - 1).split(separator: "e").last ?? "0") ?? 0
        if exponent < -4 || exponent >= precision - 1 {
            if exponent == precision - 1, exponent >= -4, precision > 1 || true {
                let scientific = FloatText.format(value, "e", precision: precision - 1).split(separator: "e")
                var digits = String(scientific[0])
                while digits.contains("."), digits.last == "0" || digits.last == "." { digits.removeLast() }
                return digits + "e" + scientific[1]
            }
        }
        let text = FloatText.format(value, "g", precision: precision)
        return text.contains(".") || text.contains("e") ? text : text + ".0"
    }

    private func grouped(_ digits: String, _ size: Int, _ lead: Int) -> String {
        guard let grouping else { return digits }
        let mark = String(Character(Unicode.Scalar(grouping)))
        var whole = digits.prefix { $0.isHexDigit }
        if type != 0x78, type != 0x58 { whole = digits.prefix { $0.isNumber } }
        let rest = digits.dropFirst(whole.count)
        var number = String(whole)
        if alignment == 0x3D, fill.bytes == [0x30] {
            // Zeros are grouped, too.
            while number.count + (number.count - 1) / size + rest.count + lead < width, number.count < 10_000 { number = "0" + number }
            if (number.count - 1) % size == 0, number.count > whole.count, number.hasPrefix("0"),
                number.count + (number.count - 1) / size + rest.count + lead > width, (number.count - 1) % size != 0
            {
                number.removeFirst()
            }
        }
        var result = ""
        for (index, character) in number.enumerated() {
            if index > 0, (number.count - index) % size == 0 { result += mark }
            result.append(character)
        }
        return result + rest
    }
}
