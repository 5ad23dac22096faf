/// The pairs of tokens that byte-pair encoding merges, with the rank of the merge and the token that results.
struct MergeTable: Sendable {
    private struct Entry {
        var left: Int32
        var right: Int32
        var rank: Int32
        var id: Int32
    }

    private var entries: [Entry]
    private let mask: Int

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        mask = size - 1
        entries = Array(repeating: Entry(left: -1, right: -1, rank: 0, id: -1), count: size)
    }

    /// Of a pair that is listed twice, the last place counts, as in `tokenizers`.
    mutating func insert(_ left: Int32, _ right: Int32, rank: Int32, id: Int32) {
        var slot = Self.hash(left, right) & mask
        while entries[slot].left >= 0, entries[slot].left != left || entries[slot].right != right { slot = (slot + 1) & mask }
        entries[slot] = Entry(left: left, right: right, rank: rank, id: id)
    }

    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> (rank: Int32, id: Int32)? {
        entries.withUnsafeBufferPointer { entries in
            var slot = Self.hash(left, right) & mask
            while true {
                let entry = entries[slot]
                if entry.left == left, entry.right == right { return (entry.rank, entry.id) }
                if entry.left < 0 { return nil }
                slot = (slot + 1) & mask
            }
        }
    }

    @inline(__always)
    private static func hash(_ left: Int32, _ right: Int32) -> Int {
        let key = UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
        return Int(truncatingIfNeeded: (key ^ TokenTable.seed).mixed)
    }
}
