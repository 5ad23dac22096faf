import Swage

/// Merges two neighbours to the token that is spelled like both, that of the highest score first, as SentencePiece and llama.cpp
/// do it. Unlike ``BytePairModel`` it needs no token for a part to find one for the whole.
struct ScoredPairModel: Sendable {
    let table: TokenTable
    private let rules: SpelledMerges
    /// What each byte of a character becomes that has no token.
    private let byteIDs: [Int32]
    /// Whether no token goes over a place at which the mark for a space follows something else, so that a text can be cut there.
    private let cutsAtMark: Bool

    private static let mark = Array("▁".utf8)

    init(_ table: TokenTable, scores: [Float], unknownID: Int32) {
        self.table = table
        let ranks = Dictionary(uniqueKeysWithValues: Set(scores).sorted(by: >).enumerated().map { ($1, Int32($0)) })
        rules = SpelledMerges(table: table, ranks: scores.map { ranks[$0] ?? 0 })
        byteIDs = (0...255).map { byte in
            table.id(of: BytePairModel.fallbackSpelling(UInt8(byte))) ?? table.id(of: [UInt8(byte)]) ?? unknownID
        }
        cutsAtMark = (0..<Int32(table.idCount)).allSatisfy { id in table.withBytes(of: id) { !BytePairModel.hasMarkWithin($0) } }
    }

    func encode(_ text: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) {
        var start = 0
        if cutsAtMark {
            for index in text.indices.dropFirst()
            where text[index] == Self.mark[0] && BytePairModel.isMark(text, index) && !BytePairModel.isMark(text, index - 3) {
                encodeWord(text, start, index, &scratch)
                start = index
            }
        }
        encodeWord(text, start, text.count, &scratch)
    }

    private func encodeWord(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ scratch: inout EncodingScratch) {
        let word = UnsafeBufferPointer(rebasing: text[start..<end])
        let first = scratch.sink.ids.count
        if word.count > WordCache.longestPiece {
            merge(word, &scratch)
        } else {
            let hash = word.fastHash
            if !scratch.cache.find(word, hash, into: &scratch.sink) {
                merge(word, &scratch)
                scratch.cache.insert(word, hash, scratch.sink, from: first)
            }
        }
        if start > 0 { scratch.sink.shift(from: first, by: start) }
    }

    private func merge(_ word: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) {
        scratch.merger.symbols.removeAll(keepingCapacity: true)
        var index = 0
        while index < word.count {
            let width = word[index] < 0x80 ? 1 : word.scalar(at: index).width
            scratch.merger.add(-1, index, index + width)
            index += width
        }
        scratch.merger.merge(word, by: rules)
        for symbol in scratch.merger.symbols {
            let (start, end) = (Int(symbol.start), Int(symbol.end))
            if let id = table.id(of: UnsafeBufferPointer(rebasing: word[start..<end])) {
                scratch.sink.append(id, start, end)
            } else {
                for byte in word[start..<end] { scratch.sink.append(byteIDs[Int(byte)], start, end) }
            }
        }
    }
}

/// Two neighbours become the token that is spelled like both.
private struct SpelledMerges: MergeRules {
    let table: TokenTable
    /// By the token that results.
    let ranks: [Int32]

    @inline(__always)
    func merge(_ left: Int32, _ right: Int32, _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> (rank: Int32, id: Int32)? {
        table.id(of: UnsafeBufferPointer(rebasing: text[start..<end])).map { (ranks[Int($0)], $0) }
    }
}
