/// The most probable pieces of a text, in the numbers that SentencePiece adds up.
struct SentencePieceSearch: Sendable {
    private let trie: PieceTrie
    private let scores: [Float]
    private let kinds: [SentencePieceFile.Kind]
    private let unknownID: Int32
    private let unknownScore: Float
    private let highestScore: Float

    init(_ file: SentencePieceFile, unknownID: Int32) {
        var trie = PieceTrie(capacity: file.pieces.count * 4)
        var (lowest, highest) = (Float.greatestFiniteMagnitude, Float.leastNormalMagnitude)
        for (id, piece) in file.pieces.enumerated() {
            switch piece.kind {
            case .normal:
                (lowest, highest) = (min(lowest, piece.score), max(highest, piece.score))
                piece.text.withUnsafeBufferPointer { trie.insert($0, Int32(id)) }
            case .userDefined, .unused: piece.text.withUnsafeBufferPointer { trie.insert($0, Int32(id)) }
            case .unknown, .control, .byte: continue
            }
        }
        self.trie = trie
        scores = file.pieces.map(\.score)
        kinds = file.pieces.map(\.kind)
        self.unknownID = unknownID
        unknownScore = lowest - 10
        highestScore = highest
    }

    func encode(_ text: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) {
        // The sums are rounded to 32 bits each time, as they are there.
        var best = [(token: Int32, start: Int32, score: Float)](repeating: (-1, -1, 0), count: text.count + 1)
        var start = 0
        while start < text.count {
            let width = text[start] < 0x80 ? 1 : text.scalar(at: start).width
            let scoreHere = best[start].score
            var node: Int32 = 0
            var end = start
            var hasSingle = false
            while end < text.count {
                node = trie.next(node, text[end])
                if node < 0 { break }
                end += 1
                let token = trie.tokens[Int(node)]
                guard token >= 0, kinds[Int(token)] != .unused else { continue }
                // A symbol of the user gets a bonus, so that it is always taken.
                let score =
                    kinds[Int(token)] == .userDefined
                    ? Float(Double(Float(end - start) * highestScore) - 0.1) : scores[Int(token)]
                let sum = score + scoreHere
                if best[end].start < 0 || sum > best[end].score { best[end] = (token, Int32(start), sum) }
                if end - start == width { hasSingle = true }
            }
            if !hasSingle {
                let sum = unknownScore + scoreHere
                if best[start + width].start < 0 || sum > best[start + width].score { best[start + width] = (unknownID, Int32(start), sum) }
            }
            start += width
        }
        let first = scratch.sink.ids.count
        var end = text.count
        while end > 0 {
            scratch.sink.append(best[end].token, Int(best[end].start), end)
            end = Int(best[end].start)
        }
        scratch.sink.ids[first...].reverse()
        scratch.sink.spans[first...].reverse()
    }
}
