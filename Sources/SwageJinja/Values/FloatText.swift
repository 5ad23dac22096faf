#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Floating-point numbers as Python writes and reads them.
enum FloatText {
    /// The shortest digits that give the number again, where Python puts the point.
    static func repr(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
        var (digits, exponent, sign) = ("", 0, "")
        var point: Int?
        for (index, character) in value.description.enumerated() {
            switch character {
            case "-": sign = "-"
            case ".": point = digits.count
            case "e":
                exponent = Int(value.description.dropFirst(index + 1).filter { $0 != "+" }) ?? 0
            default: digits.append(character)
            }
            if character == "e" { break }
        }
        if let mark = value.description.firstIndex(of: "e") {
            digits = value.description[..<mark].filter { $0.isNumber }
            exponent = Int(value.description[value.description.index(after: mark)...].filter { $0 != "+" }) ?? 0
        }
        var place = (point ?? digits.count) + exponent
        let leading = digits.prefix { $0 == "0" }.count
        digits.removeFirst(leading)
        place -= leading
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        let power = place - 1
        if power < -4 || power >= 16 {
            let rest = digits.dropFirst()
            let size = abs(power)
            return sign + String(digits.prefix(1)) + (rest.isEmpty ? "" : "." + rest) + (power < 0 ? "e-" : "e+")
                + (size < 10 ? "0\(size)" : "\(size)")
        }
        if place <= 0 { return sign + "0." + String(repeating: "0", count: -place) + digits }
        if digits.count <= place { return sign + digits + String(repeating: "0", count: place - digits.count) + ".0" }
        return sign + digits.prefix(place) + "." + digits.dropFirst(place)
    }

    /// A number by one of C's formats: `f`, `e` or `g`, with flags.
    static func format(_ value: Double, _ letter: Character, precision: Int, alternate: Bool = false) -> String {
        let pattern = "%\(alternate ? "#" : "").*\(letter)"
        var buffer = [CChar](repeating: 0, count: 400 + max(0, precision))
        let count = withVaList([Int32(clamping: precision), value]) { vsnprintf(&buffer, buffer.count, pattern, $0) }
        return String(decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// What Python's `float` makes of a text.
    static func parse(_ text: Text) -> Double? {
        var bytes = text.stripped().plainDigits
        guard let first = bytes.first, !bytes.contains(where: { $0 >= 0x80 }) else { return nil }
        let lowered = String(decoding: bytes, as: UTF8.self).lowercased()
        let unsigned = first == 0x2B || first == 0x2D ? String(lowered.dropFirst()) : lowered
        switch unsigned {
        case "inf", "infinity": return first == 0x2D ? -.infinity : .infinity
        case "nan": return .nan
        default: break
        }
        for (index, byte) in bytes.enumerated() where byte == 0x5F {
            let isBetween = index > 0 && index + 1 < bytes.count && isDigit(bytes[index - 1]) && isDigit(bytes[index + 1])
            if !isBetween { return nil }
        }
        bytes.removeAll { $0 == 0x5F }
        guard bytes.contains(where: isDigit), isNumber(bytes) else { return nil }
        return strtod(String(decoding: bytes, as: UTF8.self), nil)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    private static func isNumber(_ bytes: [UInt8]) -> Bool {
        var index = 0
        func digits() -> Int {
            let start = index
            while index < bytes.count, isDigit(bytes[index]) { index += 1 }
            return index - start
        }
        if bytes[0] == 0x2B || bytes[0] == 0x2D { index = 1 }
        var count = digits()
        if index < bytes.count, bytes[index] == 0x2E {
            index += 1
            count += digits()
        }
        if count == 0 { return false }
        if index < bytes.count, bytes[index] | 0x20 == 0x65 {
            index += 1
            if index < bytes.count, bytes[index] == 0x2B || bytes[index] == 0x2D { index += 1 }
            if digits() == 0 { return false }
        }
        return index == bytes.count
    }
}
