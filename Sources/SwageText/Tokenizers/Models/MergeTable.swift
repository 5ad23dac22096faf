/// The pairs of tokens that byte-pair encoding merges, with the rank of the merge and the token that results.
struct MergeTable: Sendable {
    struct Merge {
        var left: Int32
        var right: Int32
        var rank: Int32
        var id: Int32
    }

    private var entries: [Merge]
    private let mask: Int

    /// Of a pair that is listed twice, the last place counts, as in `tokenizers`.
    init(_ merges: [Merge]) {
        var size = 16
        while size < merges.count * 2 { size *= 2 }
        mask = size - 1
        entries = Array(repeating: Merge(left: -1, right: -1, rank: 0, id: -1), count: size)
        for merge in merges {
            var slot = Self.hash(merge.left, merge.right) & mask
            while entries[slot].left >= 0, entries[slot].left != merge.left || entries[slot].right != merge.right {
                slot = (slot + 1) & mask
            }
            entries[slot] = merge
        }
    }

    /// All of them, in the order in which they are made.
    var ordered: [Merge] {
        entries.filter { $0.left >= 0 }.sorted { ($0.rank, $0.left, $0.right) < ($1.rank, $1.left, $1.right) }
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
