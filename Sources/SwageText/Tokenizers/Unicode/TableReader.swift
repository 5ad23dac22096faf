/// Reads the numbers that scripts/unicode_tables.py wrote: five bits to a character, the lowest first, and a sixth that says
/// whether more follow.
struct TableReader {
    private var rest: UnsafeBufferPointer<UInt8>.SubSequence

    init(_ table: StaticString) {
        rest = UnsafeBufferPointer(start: table.utf8Start, count: table.utf8CodeUnitCount)[...]
    }

    /// The next number; nil at the end.
    mutating func next() -> UInt32? {
        var value: UInt32 = 0
        var shift: UInt32 = 0
        while let byte = rest.popFirst() {
            let digit: UInt8 =
                switch byte {
                case 0x41...0x5A: byte - 0x41
                case 0x61...0x7A: byte - 0x61 + 26
                case 0x30...0x39: byte - 0x30 + 52
                case 0x2D: 62
                default: 63
                }
            value |= UInt32(digit & 31) << shift
            if digit < 32 { return value }
            shift += 5
        }
        return nil
    }

    /// All ranges of a table of sets.
    static func ranges(_ table: StaticString) -> [Range<UInt32>] {
        var reader = TableReader(table)
        var ranges: [Range<UInt32>] = []
        var place: UInt32 = 0
        while let gap = reader.next(), let count = reader.next() {
            ranges.append(place + gap..<place + gap + count)
            place += gap + count
        }
        return ranges
    }

    /// All ranges of a table of values.
    static func values(_ table: StaticString) -> [(range: Range<UInt32>, value: UInt32)] {
        var reader = TableReader(table)
        var values: [(range: Range<UInt32>, value: UInt32)] = []
        var place: UInt32 = 0
        while let gap = reader.next(), let count = reader.next(), let value = reader.next() {
            values.append((place + gap..<place + gap + count, value))
            place += gap + count
        }
        return values
    }

    /// All entries of a table of mappings.
    static func mappings(_ table: StaticString) -> [UInt32: [UInt32]] {
        var reader = TableReader(table)
        var mappings: [UInt32: [UInt32]] = [:]
        var place: UInt32 = 0
        while let gap = reader.next(), let count = reader.next() {
            place += gap
            mappings[place] = (0..<count).compactMap { _ in reader.next() }
        }
        return mappings
    }

    /// The names of a table, which spaces part.
    static func names(_ table: StaticString) -> [String] {
        table.description.split(separator: " ").map(String.init)
    }
}
