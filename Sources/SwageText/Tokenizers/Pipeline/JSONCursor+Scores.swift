import Swage

extension JSONCursor {
    private static let powers: [Double] = (0...308).map { Double("1e\($0)") ?? 0 }

    /// What `serde_json` makes of a number that it has written itself, as transformers has it do with every vocabulary.
    static func rewritten(_ number: Double) -> Double {
        Array("\(number)".utf8).withUnsafeBufferPointer { text in
            var cursor = JSONCursor(text, file: "")
            return (try? cursor.score()) ?? number
        }
    }

    /// A number as `serde_json` reads it, which is not always the nearest to what is written.
    mutating func score() throws -> Double {
        skipSpace()
        let start = offset
        let isNegative = take("-")
        var significand: UInt64 = 0
        var exponent = 0
        func digit(_ cursor: Self) -> UInt64? {
            guard cursor.offset < cursor.bytes.count, (0x30...0x39).contains(cursor.bytes[cursor.offset]) else { return nil }
            return UInt64(cursor.bytes[cursor.offset] - 0x30)
        }
        func wrongNumber(_ cursor: inout Self) -> TrainerError {
            cursor.offset = start
            return cursor.wrong("no number stands here", expected: "one such as -1.5")
        }
        /// Whether the digit still fits; those after one that does not are left out.
        func add(_ digit: UInt64) -> Bool {
            let (product, isTooLarge) = significand.multipliedReportingOverflow(by: 10)
            let (sum, isOver) = product.addingReportingOverflow(digit)
            if isTooLarge || isOver { return false }
            significand = sum
            return true
        }
        guard let first = digit(self) else { throw wrongNumber(&self) }
        var isFull = false
        while let next = digit(self) {
            if isFull || !add(next) { (isFull, exponent) = (true, exponent + 1) }
            offset += 1
            if first == 0, digit(self) != nil { throw wrongNumber(&self) }
        }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            guard digit(self) != nil else { throw wrongNumber(&self) }
            while let next = digit(self) {
                if !isFull, add(next) { exponent -= 1 } else { isFull = true }
                offset += 1
            }
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            let isBelow = offset < bytes.count && bytes[offset] == UInt8(ascii: "-")
            if isBelow || (offset < bytes.count && bytes[offset] == UInt8(ascii: "+")) { offset += 1 }
            guard digit(self) != nil else { throw wrongNumber(&self) }
            var written = 0
            while let next = digit(self) {
                written = min(written * 10 + Int(next), 100_000)
                offset += 1
            }
            exponent += isBelow ? -written : written
        }
        var value = Double(significand)
        while exponent < -308, value != 0 {
            value /= 1e308
            exponent += 308
        }
        if value != 0 {
            value = exponent < 0 ? value / Self.powers[-exponent] : exponent <= 308 ? value * Self.powers[exponent] : .infinity
        }
        guard value.isFinite else { throw wrongNumber(&self) }
        return isNegative ? -value : value
    }
}
