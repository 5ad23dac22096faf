import Swage

/// The model of a SentencePiece file: which pieces a normalized text becomes.
struct SentencePieceModel: Sendable {
    private let pieces: TokenTable
    private let reserved: TokenTable
    private let kinds: [SentencePieceFile.Kind]
    private let kind: SentencePieceFile.Model
    let unknownID: Int32
    /// The pieces of bytes; nil unless what is unknown falls back to them.
    let byteIDs: [Int32]?
    /// The symbols that stand for themselves wherever they are; nil if there are none.
    let symbols: PieceTrie?
    private let search: SentencePieceSearch?
    private let rules: PieceRules?
    /// Whether no piece goes over a place at which the mark for a space follows something else.
    private let cutsAtMark: Bool

    init(_ file: SentencePieceFile, name: String) throws {
        func corrupt(_ what: String) -> TrainerError {
            TrainerError(.corruptFile, "\(name): \(what)", expected: "a model that SentencePiece takes")
        }
        kinds = file.pieces.map(\.kind)
        kind = file.model
        let isNormal: (SentencePieceFile.Kind) -> Bool = { $0 == .normal || $0 == .userDefined || $0 == .unused }
        func table(_ belongs: (SentencePieceFile.Kind) -> Bool) throws -> TokenTable {
            var arena: [UInt8] = []
            var tokens: [(id: Int32, end: Int32)] = []
            for (id, piece) in file.pieces.enumerated() where belongs(piece.kind) {
                arena += piece.text
                guard arena.count < Int(Int32.max) else { throw corrupt("the pieces take too much memory") }
                tokens.append((Int32(id), Int32(arena.count)))
            }
            return try TokenTable(arena: arena, tokens: tokens, what: name)
        }
        pieces = try table(isNormal)
        reserved = try table { !isNormal($0) }
        let unknown = kinds.indices.filter { file.pieces[$0].kind == .unknown }
        guard unknown.count == 1 else { throw corrupt("there are \(unknown.count) pieces for what is unknown") }
        unknownID = Int32(unknown[0])
        var byteIDs = [Int32](repeating: -1, count: 256)
        for (id, piece) in file.pieces.enumerated() where piece.kind == .byte {
            guard file.fallsBackToBytes, let byte = TokenDecoder.byte(piece.text) else {
                throw corrupt(
                    "the piece \(id) is one of a byte, \(file.fallsBackToBytes ? "and is not spelled so" : "and byte_fallback is false")")
            }
            byteIDs[Int(byte)] = Int32(id)
        }
        if file.fallsBackToBytes, byteIDs.contains(-1) { throw corrupt("byte_fallback is true, and some bytes have no piece") }
        self.byteIDs = file.fallsBackToBytes ? byteIDs : nil
        var symbols = PieceTrie(capacity: 64)
        var hasSymbols = false
        for (id, piece) in file.pieces.enumerated() where piece.kind == .userDefined {
            piece.text.withUnsafeBufferPointer { symbols.insert($0, Int32(id)) }
            hasSymbols = true
        }
        self.symbols = hasSymbols ? symbols : nil
        switch file.model {
        case .unigram:
            (rules, cutsAtMark) = (nil, false)
            search = SentencePieceSearch(file, unknownID: unknownID)
        case .bytePairs:
            if kinds.contains(.unused) {
                throw TrainerError(.unsupported, "\(name) merges pairs, and has pieces that are not used", expected: "none of those")
            }
            search = nil
            let ranks = Dictionary(
                uniqueKeysWithValues: Set(file.pieces.map(\.score)).sorted(by: >).enumerated().map { ($1, Int32($0)) })
            rules = PieceRules(table: pieces, ranks: file.pieces.map { ranks[$0.score] ?? 0 })
            let mark = Array("▁".utf8)
            cutsAtMark =
                !hasSymbols && !file.treatsSpaceAsSuffix
                && file.pieces.allSatisfy { piece in
                    piece.kind != .normal
                        || !piece.text.ranges(of: mark).contains {
                            $0.lowerBound > 0 && !piece.text[..<$0.lowerBound].suffix(3).elementsEqual(mark)
                        }
                }
        case .words, .characters:
            throw TrainerError(
                .unsupported, "\(name) is a model of \(file.model == .words ? "words" : "characters")", expected: "one of pairs or Unigram")
        }
    }

    func id(of piece: [UInt8]) -> Int32? { reserved.id(of: piece) ?? pieces.id(of: piece) }

    func encode(_ text: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) {
        if let search { return search.encode(text, &scratch) }
        guard let rules else { return }
        guard cutsAtMark else { return merge(text, 0, text.count, rules, &scratch) }
        func isMark(_ index: Int) -> Bool {
            index >= 0 && index + 3 <= text.count && text[index] == 0xE2 && text[index + 1] == 0x96 && text[index + 2] == 0x81
        }
        var start = 0
        for index in 0..<text.count where index > 0 && text[index] == 0xE2 && isMark(index) && !isMark(index - 3) {
            cachedMerge(text, start, index, rules, &scratch)
            start = index
        }
        cachedMerge(text, start, text.count, rules, &scratch)
    }

    private func cachedMerge(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ rules: PieceRules, _ scratch: inout EncodingScratch
    ) {
        let word = UnsafeBufferPointer(rebasing: text[start..<end])
        let first = scratch.sink.ids.count
        if word.count <= WordCache.longestPiece {
            let hash = word.fastHash
            if !scratch.cache.find(word, hash, into: &scratch.sink) {
                merge(word, 0, word.count, rules, &scratch)
                scratch.cache.insert(word, hash, scratch.sink, from: first)
            }
        } else {
            merge(word, 0, word.count, rules, &scratch)
        }
        if start > 0 { scratch.sink.shift(from: first, by: start) }
    }

    /// Merges the characters between symbols, which stand for themselves.
    private func merge(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ rules: PieceRules, _ scratch: inout EncodingScratch
    ) {
        scratch.merger.symbols.removeAll(keepingCapacity: true)
        func flush() {
            scratch.merger.merge(text, by: rules)
            for symbol in scratch.merger.symbols {
                let piece = UnsafeBufferPointer(rebasing: text[Int(symbol.start)..<Int(symbol.end)])
                scratch.sink.append(reserved.id(of: piece) ?? pieces.id(of: piece) ?? unknownID, Int(symbol.start), Int(symbol.end))
            }
            scratch.merger.symbols.removeAll(keepingCapacity: true)
        }
        var index = start
        while index < end {
            let rest = UnsafeBufferPointer(rebasing: text[index..<end])
            if let length = symbols?.longest(rest) {
                flush()
                let piece = UnsafeBufferPointer(rebasing: rest[..<length])
                scratch.sink.append(reserved.id(of: piece) ?? pieces.id(of: piece) ?? unknownID, index, index + length)
                index += length
            } else {
                let width = rest[0] < 0x80 ? 1 : rest.scalar(at: 0).width
                scratch.merger.add(-1, index, index + width)
                index += width
            }
        }
        flush()
    }
}

/// Two neighbours become the piece that is spelled like both, and the one of the highest score comes first.
struct PieceRules: MergeRules {
    let table: TokenTable
    let ranks: [Int32]

    @inline(__always)
    func merge(_ left: Int32, _ right: Int32, _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> (rank: Int32, id: Int32)? {
        guard let id = table.id(of: UnsafeBufferPointer(rebasing: text[start..<end])) else { return nil }
        return (ranks[Int(id)], id)
    }
}
