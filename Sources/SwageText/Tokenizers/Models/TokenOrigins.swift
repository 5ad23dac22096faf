/// How merging comes to each token.
struct TokenOrigins: Sendable {
    /// The rank is negative for a token that nothing was merged to.
    private struct Origin {
        var left: Int32 = -1
        var right: Int32 = -1
        var rank: Int32 = -1
    }

    private let merges: MergeTable
    private var origins: [Origin]

    init(_ merges: MergeTable, idCount: Int) {
        self.merges = merges
        origins = Array(repeating: Origin(), count: idCount)
    }

    /// Adds what makes a token of two that are known.
    mutating func add(_ merge: MergeTable.Merge) {
        origins[Int(merge.id)] = Origin(left: merge.left, right: merge.right, rank: merge.rank)
    }

    /// Whether no merge goes over the border between two tokens.
    /// - Parameter asWhole: whether it counts that they are merged themselves.
    @inline(__always)
    func areApart(_ first: Int32, _ second: Int32, asWhole: Bool = true) -> Bool {
        origins.withUnsafeBufferPointer { origins in
            var (left, right) = (first, second)
            // Both are taken apart again, the later merge first. What stands at the border could be merged until the rank of that.
            var end = Int32.max
            var counts = asWhole
            while true {
                if counts, let merge = merges.merge(left, right), merge.rank < end { return false }
                counts = true
                let (own, other) = (origins[Int(left)], origins[Int(right)])
                if own.rank < 0, other.rank < 0 { return true }
                if own.rank > other.rank {
                    // Of one rank, what is further to the left comes first.
                    end = own.rank
                    left = own.right
                } else {
                    end = other.rank + 1
                    right = other.left
                }
            }
        }
    }
}
