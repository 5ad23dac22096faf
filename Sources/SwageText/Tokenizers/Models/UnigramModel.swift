import Swage

/// The most probable way to write a text as tokens (Kudo, 2018), as `tokenizers` finds it.
struct UnigramModel: Sendable {
    let table: TokenTable
    let scores: [Double]
    let unknownID: Int32?
    let fallsBackToBytes: Bool
    private let trie: PieceTrie
    private let unknownScore: Double
    private let fallbackIDs: [Int32]?

    /// - Parameters:
    ///   - isFound: whether text becomes a token.
    ///   - lowestScore: what is unknown counts 10 less; nil for the lowest of all scores.
    init(
        _ table: TokenTable, scores: [Double], unknownID: Int32?, fallsBackToBytes: Bool, lowestScore: Double? = nil,
        isFound: (Int) -> Bool = { _ in true }
    ) {
        self.table = table
        self.scores = scores
        self.unknownID = unknownID
        self.fallsBackToBytes = fallsBackToBytes
        var trie = PieceTrie(capacity: scores.count * 4)
        for id in scores.indices where isFound(id) { table.withBytes(of: Int32(id)) { trie.insert($0, Int32(id)) } }
        self.trie = trie
        unknownScore = (lowestScore ?? scores.min() ?? .infinity) - 10
        fallbackIDs = fallsBackToBytes ? (0..<256).map { table.id(of: BytePairModel.fallbackSpelling(UInt8($0))) ?? -1 } : nil
    }

    func encode(_ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) throws {
        if piece.count <= WordCache.longestPiece {
            let hash = piece.fastHash
            let first = scratch.sink.ids.count
            if scratch.cache.find(piece, hash, into: &scratch.sink) { return }
            try search(piece, &scratch)
            scratch.cache.insert(piece, hash, scratch.sink, from: first)
        } else {
            try search(piece, &scratch)
        }
    }

    private func search(_ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) throws {
        var best = scratch.viterbi.nodes
        scratch.viterbi.nodes = []
        defer { scratch.viterbi.nodes = best }
        best.removeAll(keepingCapacity: true)
        best.append(contentsOf: repeatElement(ViterbiScratch.Node(), count: piece.count + 1))
        var start = 0
        while start < piece.count {
            let width = piece.scalar(at: start).width
            let scoreHere = best[start].score
            var node: Int32 = 0
            var end = start
            var hasSingle = false
            while end < piece.count {
                node = trie.next(node, piece[end])
                if node < 0 { break }
                end += 1
                let token = trie.tokens[Int(node)]
                guard token >= 0 else { continue }
                let score = scores[Int(token)] + scoreHere
                if best[end].start < 0 || score > best[end].score {
                    best[end] = ViterbiScratch.Node(token: token, start: Int32(start), score: score)
                }
                if end - start == width { hasSingle = true }
            }
            if !hasSingle {
                let end = start + width
                let score = unknownScore + scoreHere
                if best[end].start < 0 || score > best[end].score {
                    guard let unknownID else { throw Self.unknown }
                    best[end] = ViterbiScratch.Node(token: unknownID, start: Int32(start), score: score)
                }
            }
            start += width
        }
        try emit(piece, best, &scratch.sink)
    }

    private static var unknown: TrainerError {
        TrainerError(.corruptFile, "the tokenizer has no token for what is unknown, and comes upon it", expected: "\"unk_id\" in the model")
    }

    /// Appends the tokens of the best way; those that are unknown become one where they touch.
    private func emit(_ piece: UnsafeBufferPointer<UInt8>, _ best: [ViterbiScratch.Node], _ sink: inout TokenSink) throws {
        var parts: [(token: Int32, start: Int, end: Int)] = []
        var end = piece.count
        while end > 0 {
            let node = best[end]
            let start = Int(node.start)
            if node.token == unknownID, let last = parts.last, last.token == unknownID {
                parts[parts.count - 1].start = start
            } else {
                parts.append((node.token, start, end))
            }
            end = start
        }
        for part in parts.reversed() {
            // Each is looked up by its spelling once more: an unknown one may be known as a whole.
            let bytes = UnsafeBufferPointer(rebasing: piece[part.start..<part.end])
            if part.token != unknownID {
                sink.append(part.token, part.start, part.end)
            } else if let id = table.id(of: bytes) {
                sink.append(id, part.start, part.end)
            } else if let fallbackIDs, bytes.allSatisfy({ fallbackIDs[Int($0)] >= 0 }) {
                for byte in bytes { sink.append(fallbackIDs[Int(byte)], part.start, part.end) }
            } else {
                sink.append(part.token, part.start, part.end)
            }
        }
    }
}

/// Memory of the search for the best way.
struct ViterbiScratch: Sendable {
    struct Node: Sendable {
        var token: Int32 = 0
        var start: Int32 = -1
        var score: Double = 0
    }

    var nodes: [Node] = []
}
