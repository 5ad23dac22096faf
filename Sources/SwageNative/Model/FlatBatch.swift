import Swage

/// The tokens of a batch that have to be computed, in one row, each with its place in its sequence.
///
/// Nothing is computed for padding, nor for anything after the last target of a sequence: no earlier token sees it.
/// What neighboring sequences begin with in common, such as the prompt of a group of completions, is computed once.
struct FlatBatch {
    /// `[tokens]`
    private(set) var ids: [Int32] = []
    /// Each token's place in its own sequence, `[tokens]`.
    private(set) var positions: [Int32] = []
    private(set) var segments: [Segment] = []
    /// Where the batch's tokens are computed. Several places share a row where their sequences share a beginning.
    private(set) var outputs: [(place: Int, row: Int)] = []
    /// How many tokens may follow each sequence.
    private(set) var following = 0
    /// How long the sequence of each token may come to be, where that does not follow from the segments.
    private var knownLengths: [Int]?

    var count: Int { ids.count }

    /// A run of tokens that see each other, each those before it.
    struct Segment: Equatable {
        var tokens: Range<Int>
        /// The segment that this one goes on from, all of which its tokens see.
        var continues: Int?
    }

    /// - Parameters:
    ///   - sharing: whether common beginnings are computed once.
    ///   - following: how many tokens may follow each sequence.
    init(_ sequences: [TokenSequence], sharing: Bool = true, following: Int = 0) {
        self.following = following
        for (run, prefix) in Self.runs(of: sequences, sharing: sharing) {
            var shared: Int?
            if prefix > 0 {
                shared = segments.count
                append(sequences[run.lowerBound].ids.prefix(prefix), from: 0, continuing: nil)
            }
            for sequence in sequences[run] {
                let rows = shared.map { segments[$0].tokens } ?? 0..<0
                outputs += rows.enumerated().map { (sequence.firstPlace + $0, $1) }
                guard sequence.ids.count > prefix else { continue }
                let own = append(sequence.ids.dropFirst(prefix), from: prefix, continuing: shared)
                outputs += own.enumerated().map { (sequence.firstPlace + prefix + $0, $1) }
            }
        }
    }

    /// The next token of each of several sequences, which may come to be so long.
    init(nextTokens ids: [Int32], positions: [Int32], lengths: [Int]) {
        (self.ids, self.positions, knownLengths) = (ids, positions, lengths)
    }

    /// How long the sequence of each token may come to be. Asked of sequences that share no beginnings.
    var lengths: [Int] {
        knownLengths ?? segments.flatMap { segment in Array(repeating: segment.tokens.count + following, count: segment.tokens.count) }
    }

    /// The sequences in groups of at most `limit` tokens each, or of one sequence that is longer.
    static func slices(_ sequences: [TokenSequence], limit: Int, sharing: Bool, following: Int = 0) -> [FlatBatch] {
        var slices: [[TokenSequence]] = []
        var room = 0
        for (run, prefix) in runs(of: sequences, sharing: sharing) {
            var shares = false
            for sequence in sequences[run] {
                let count = sequence.ids.count
                if count - (shares ? prefix : 0) > room {
                    slices.append([])
                    (room, shares) = (limit, false)
                }
                slices[slices.count - 1].append(sequence)
                room -= count - (shares ? prefix : 0)
                shares = true
            }
        }
        return slices.map { FlatBatch($0, sharing: sharing, following: following) }
    }

    private static func runs(of sequences: [TokenSequence], sharing: Bool) -> [(Range<Int>, prefix: Int)] {
        sharing ? SharedPrefixes.runs(of: sequences) : sequences.indices.map { ($0..<$0 + 1, prefix: 0) }
    }

    @discardableResult
    private mutating func append(_ tokens: ArraySlice<Int32>, from position: Int, continuing: Int?) -> Range<Int> {
        let rows = count..<count + tokens.count
        segments.append(Segment(tokens: rows, continues: continuing))
        ids += tokens
        positions += (position..<position + tokens.count).map { Int32($0) }
        return rows
    }
}

/// A sequence of a batch, as far as it has to be computed.
struct TokenSequence {
    let ids: ArraySlice<Int32>
    /// Where its first token stands in the batch, as an offset into `[batch, sequence]`.
    let firstPlace: Int

    /// The sequences of a batch.
    /// - Parameter mask: 1 where an output is wanted, `[batch, sequence]`; nil keeps every token.
    static func all(inputIDs: Tensor<Int32>, segmentIDs: Tensor<Int32>?, mask: Tensor<Float>?) -> [TokenSequence] {
        let (rows, columns) = (inputIDs.shape[0], inputIDs.shape[1])
        var sequences: [TokenSequence] = []
        for row in 0..<rows {
            var begin = row * columns
            for end in begin + 1...begin + columns {
                let endsRow = end == (row + 1) * columns
                guard endsRow || segmentIDs.map({ $0.scalars[end] != $0.scalars[end - 1] }) == true else { continue }
                let lastWanted = mask.map { $0.scalars[begin..<end].lastIndex { $0 != 0 } } ?? end - 1
                if let lastWanted {
                    sequences.append(TokenSequence(ids: inputIDs.scalars[begin...lastWanted], firstPlace: begin))
                }
                begin = end
            }
        }
        return sequences
    }
}
