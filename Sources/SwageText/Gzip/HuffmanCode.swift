/// The prefix code of a block of DEFLATE (RFC 1951, 3.2.2): short codes by a table, long ones bit by bit.
struct HuffmanCode {
    static let maximumLength = 15
    /// Codes of up to so many bits are found in one step.
    static let tableBits = 10

    /// By the next `tableBits` bits: the symbol times 16, and the length of its code; 0 where the code is longer or none.
    private(set) var table = [UInt16](repeating: 0, count: 1 << HuffmanCode.tableBits)
    /// How many codes there are of each length.
    private(set) var counts = [Int](repeating: 0, count: HuffmanCode.maximumLength + 1)
    /// In the order of their codes.
    private(set) var symbols: [UInt16] = []

    /// - Parameter lengths: by symbol; 0 for one that does not occur.
    /// - Returns: nil for lengths of which no code can be made: too many codes, or too few but where there is one.
    init?(lengths: some RandomAccessCollection<UInt8>) {
        for length in lengths { counts[Int(length)] += 1 }
        counts[0] = 0
        var left = 1
        for length in 1...Self.maximumLength {
            left = left << 1 - counts[length]
            guard left >= 0 else { return nil }
        }
        let used = counts.reduce(0, +)
        guard left == 0 || used == 0 || (used == 1 && counts[1] == 1) else { return nil }
        var places = [Int](repeating: 0, count: Self.maximumLength + 2)
        var codes = [Int](repeating: 0, count: Self.maximumLength + 2)
        for length in 1...Self.maximumLength {
            places[length + 1] = places[length] + counts[length]
            codes[length + 1] = (codes[length] + counts[length]) << 1
        }
        symbols = [UInt16](repeating: 0, count: used)
        for (symbol, length) in lengths.enumerated() where length > 0 {
            let length = Int(length)
            symbols[places[length]] = UInt16(symbol)
            places[length] += 1
            if length <= Self.tableBits {
                // Codes come with their first bit last.
                var reversed = 0
                for bit in 0..<length where codes[length] >> bit & 1 == 1 { reversed |= 1 << (length - 1 - bit) }
                for entry in stride(from: reversed, to: 1 << Self.tableBits, by: 1 << length) {
                    table[entry] = UInt16(symbol << 4 | length)
                }
            }
            codes[length] += 1
        }
    }

    /// A code longer than the table knows.
    /// - Parameter bits: the bits that follow, the first of them lowest.
    /// - Returns: nil if no code begins so.
    func long(_ bits: UInt64) -> (symbol: Int, length: Int)? {
        var (code, first, place) = (0, 0, 0)
        for length in 1...Self.maximumLength {
            code |= Int(bits >> UInt64(length - 1) & 1)
            let count = counts[length]
            if code - first < count { return (Int(symbols[place + code - first]), length) }
            place += count
            first = (first + count) << 1
            code <<= 1
        }
        return nil
    }

    /// The codes of blocks that bring none (3.2.6).
    static let fixedLiterals = HuffmanCode(
        lengths: (0..<288).map { symbol -> UInt8 in symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8 })!
    static let fixedDistances = HuffmanCode(lengths: [UInt8](repeating: 5, count: 32))!
}
