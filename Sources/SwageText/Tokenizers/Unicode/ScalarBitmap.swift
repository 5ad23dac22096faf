/// A set of Unicode scalars with a bit for each, for what is asked about every character of a text.
struct ScalarBitmap: Sendable {
    private let words: [UInt64]

    init(_ set: ScalarSet) {
        var words = [UInt64](repeating: 0, count: 0x110000 / 64)
        for range in set.ranges {
            for value in range { words[Int(value >> 6)] |= 1 << UInt64(value & 63) }
        }
        self.words = words
    }

    init(table: StaticString) { self.init(ScalarSet(table: table)) }

    @inline(__always)
    func contains(_ value: UInt32) -> Bool { words[Int(value >> 6)] >> UInt64(value & 63) & 1 != 0 }
}

extension ScalarBitmap {
    static let whitespace = ScalarBitmap(table: UnicodeSetTable.whitespace)
    static let numeric = ScalarBitmap(table: UnicodeSetTable.numeric)
    static let punctuation = ScalarBitmap(table: UnicodeSetTable.punctuation)
    /// `\w` of Rust's regular expressions.
    static let word = ScalarBitmap(table: UnicodeSetTable.word)
    /// Control characters and the like, which BERT leaves out.
    static let other = ScalarBitmap(table: UnicodeSetTable.other)
    static let nonspacingMark = ScalarBitmap(table: UnicodeSetTable.nonspacingMark)
    static let combiningMark = ScalarBitmap(table: UnicodeSetTable.combiningMark)
}
