import Swage

extension TokenizerPipeline: TokenizerEngine {
    func spans(of utf8: ArraySlice<UInt8>, _ place: TextPlace) throws -> [(id: Int32, start: Int)] {
        try spans(of: String(decoding: utf8, as: UTF8.self), place).map { ($0.id, utf8.startIndex + $0.start) }
    }

    func isAdded(_ id: Int32) -> Bool { addedSpellings[id] != nil }

    var summary: String {
        let spellsBytes = splitters.contains { if case .byteLevel = $0 { true } else { false } }
        let kind =
            switch model {
            case .bytePairs: spellsBytes ? "byte-level BPE" : "BPE"
            case .scoredPairs: "BPE by scores"
            case .unigram: "Unigram"
            case .wordPiece, .markedWords: "WordPiece"
            case .wordLevel: "words"
            }
        return "\(kind), \(idCount) tokens, \(added.count) of them added; steps of normalization: \(normalizers.count), of cutting: \(splitters.count)"
    }

    /// The id that the model itself has for a token.
    package func vocabularyID(of token: String) -> Int32? { model.table.id(of: token) }

    /// The tokens beside the model's own.
    package var addedContents: [(id: Int32, content: String)] { added.map { ($0.id, $0.content) } }

    /// The same with further tokens beside the model's own, of which one that is there already takes the place of what it was, and
    /// with others around every text.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` for what does not fit.
    package func adding(_ tokens: [AddedToken], prefixIDs: [Int32]? = nil, suffixIDs: [Int32]? = nil, file: String) throws -> TokenizerPipeline {
        if tokens.isEmpty, prefixIDs == nil, suffixIDs == nil { return self }
        var all = added
        var places = Dictionary(all.enumerated().map { (Spelling(text: $1.content), $0) }, uniquingKeysWith: { first, _ in first })
        for token in tokens {
            if let place = places[Spelling(text: token.content)] {
                all[place] = token
            } else {
                places[Spelling(text: token.content)] = all.count
                all.append(token)
            }
        }
        return try TokenizerPipeline(
            normalizers: normalizers, splitters: splitters, model: model, decoders: decoders, added: all,
            prefixIDs: prefixIDs ?? self.prefixIDs, suffixIDs: suffixIDs ?? self.suffixIDs, file: file)
    }
}
