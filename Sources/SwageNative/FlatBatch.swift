import Swage

/// The tokens of a batch that have to be computed, in one row, each with its place in its sequence.
///
/// Nothing is computed for padding, nor for anything after the last target of a sequence: no earlier token sees it.
struct FlatBatch {
    /// `[tokens]`
    var ids: [Int32] = []
    /// Each token's place in its own sequence, `[tokens]`.
    var positions: [Int32] = []
    /// The tokens of each sequence.
    var segments: [Range<Int>] = []
    /// Where each token stands in the batch, as an offset into `[batch, sequence]`.
    var sources: [Int] = []

    var count: Int { ids.count }
    var longestSegment: Int { segments.map(\.count).max() ?? 0 }

    /// - Parameter mask: 1 where an output is wanted, `[batch, sequence]`; nil keeps every token.
    init(inputIDs: Tensor<Int32>, segmentIDs: Tensor<Int32>?, mask: Tensor<Float>?) {
        let (rows, columns) = (inputIDs.shape[0], inputIDs.shape[1])
        for row in 0..<rows {
            var begin = row * columns
            for end in begin + 1...begin + columns {
                let endsRow = end == (row + 1) * columns
                guard endsRow || segmentIDs.map({ $0.scalars[end] != $0.scalars[end - 1] }) == true else { continue }
                let lastWanted = mask.map { $0.scalars[begin..<end].lastIndex { $0 != 0 } } ?? end - 1
                if let lastWanted { append(inputIDs, begin...lastWanted) }
                begin = end
            }
        }
    }

    /// One sequence after another.
    init(_ sequences: [[Int32]]) {
        for sequence in sequences {
            segments.append(count..<count + sequence.count)
            ids += sequence
            positions += sequence.indices.map { Int32($0) }
        }
    }

    /// The next token of each of several sequences.
    init(nextTokens ids: [Int32], positions: [Int32]) {
        self.ids = ids
        self.positions = positions
    }

    /// The sequences in groups of at most `limit` tokens each, or of one sequence that is longer.
    func slices(limit: Int) -> [FlatBatch] {
        segments.reduce(into: []) { slices, segment in
            if slices.isEmpty || slices.last!.count + segment.count > limit { slices.append(FlatBatch([])) }
            slices[slices.count - 1].append(self, segment)
        }
    }

    private mutating func append(_ other: FlatBatch, _ segment: Range<Int>) {
        segments.append(count..<count + segment.count)
        ids += other.ids[segment]
        positions += other.positions[segment]
        sources += other.sources[segment]
    }

    private mutating func append(_ inputIDs: Tensor<Int32>, _ range: ClosedRange<Int>) {
        segments.append(count..<count + range.count)
        ids += inputIDs.scalars[range]
        positions += (0..<range.count).map { Int32($0) }
        sources += range
    }
}
