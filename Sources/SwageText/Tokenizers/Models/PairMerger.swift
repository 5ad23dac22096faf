import HeapModule

/// What two neighbours become.
protocol MergeRules {
    /// - Parameters:
    ///   - text: the piece in which they lie, and where there.
    func merge(_ left: Int32, _ right: Int32, _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> (rank: Int32, id: Int32)?
}

extension MergeTable: MergeRules {
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32, _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> (rank: Int32, id: Int32)? {
        merge(left, right)
    }
}

/// Byte-pair encoding (Sennrich et al., 2016): merges the pair of the lowest rank first, and the leftmost of equals.
struct PairMerger: Sendable {
    /// A token, and what it becomes with the one after it.
    struct Symbol: Sendable {
        var id: Int32
        var start: Int32
        var end: Int32
        var rank: Int32 = .max
        var merged: Int32 = -1
        var previous: Int32 = -1
        var next: Int32 = -1
    }

    /// Longer pieces take a heap, so that text without spaces costs little more than text with them.
    private static let longestScan = 40

    var symbols: [Symbol] = []

    mutating func add(_ id: Int32, _ start: Int, _ end: Int) {
        symbols.append(Symbol(id: id, start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end)))
    }

    /// Merges the symbols as far as it goes.
    mutating func merge(_ text: UnsafeBufferPointer<UInt8>, by rules: some MergeRules) {
        if symbols.count < 2 { return }
        if symbols.count > Self.longestScan { mergeByHeap(text, by: rules) } else { mergeByScan(text, by: rules) }
    }

    private mutating func mergeByScan(_ text: UnsafeBufferPointer<UInt8>, by rules: some MergeRules) {
        let length = symbols.withUnsafeMutableBufferPointer { symbols in
            var count = symbols.count
            func consider(_ index: Int) {
                let (left, right) = (symbols[index], symbols[index + 1])
                let merge = rules.merge(left.id, right.id, text, Int(left.start), Int(right.end))
                symbols[index].rank = merge?.rank ?? .max
                symbols[index].merged = merge?.id ?? -1
            }
            for index in 0..<count - 1 { consider(index) }
            while count > 1 {
                var best = 0
                var rank = symbols[0].rank
                for index in 1..<count - 1 where symbols[index].rank < rank { (best, rank) = (index, symbols[index].rank) }
                if rank == .max { break }
                symbols[best].id = symbols[best].merged
                symbols[best].end = symbols[best + 1].end
                var index = best + 1
                while index + 1 < count {
                    symbols[index] = symbols[index + 1]
                    index += 1
                }
                count -= 1
                if best + 1 < count { consider(best) } else { symbols[best].rank = .max }
                if best > 0 { consider(best - 1) }
            }
            return count
        }
        symbols.removeLast(symbols.count - length)
    }

    private mutating func mergeByHeap(_ text: UnsafeBufferPointer<UInt8>, by rules: some MergeRules) {
        for index in symbols.indices {
            symbols[index].previous = Int32(index) - 1
            symbols[index].next = index + 1 < symbols.count ? Int32(index) + 1 : -1
        }
        var candidates = Heap<UInt64>()
        func consider(_ index: Int, _ symbols: inout [Symbol]) {
            let left = symbols[index]
            guard left.next >= 0 else {
                symbols[index].rank = .max
                return
            }
            let right = symbols[Int(left.next)]
            guard let merge = rules.merge(left.id, right.id, text, Int(left.start), Int(right.end)) else {
                symbols[index].rank = .max
                return
            }
            symbols[index].rank = merge.rank
            symbols[index].merged = merge.id
            candidates.insert(UInt64(UInt32(bitPattern: merge.rank)) << 32 | UInt64(index))
        }
        for index in symbols.indices { consider(index, &symbols) }
        while let best = candidates.popMin() {
            let index = Int(best & 0xFFFF_FFFF)
            let rank = Int32(truncatingIfNeeded: best >> 32)
            // What was merged into another has no rank, nor has one that has changed since the one it had.
            guard symbols[index].rank == rank, symbols[index].next >= 0 else { continue }
            let right = Int(symbols[index].next)
            symbols[index].id = symbols[index].merged
            symbols[index].end = symbols[right].end
            symbols[index].next = symbols[right].next
            symbols[right].rank = .max
            symbols[right].start = -1
            if symbols[right].next >= 0 { symbols[Int(symbols[right].next)].previous = Int32(index) }
            consider(index, &symbols)
            if symbols[index].previous >= 0 { consider(Int(symbols[index].previous), &symbols) }
        }
        symbols.removeAll { $0.start < 0 }
    }
}
