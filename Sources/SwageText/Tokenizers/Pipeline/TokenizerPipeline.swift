import Swage

/// A tokenizer as Hugging Face's `tokenizers` puts them together: normalizers, then steps that cut the text into pieces, a model
/// that turns pieces into tokens, tokens around the text, and the steps back.
package struct TokenizerPipeline: Sendable {
    let normalizers: [TextNormalizer]
    let splitters: [PieceSplitter]
    let model: TokenModel
    let decoders: [TokenDecoder]?
    /// The tokens beside the model's own.
    let added: [AddedToken]
    /// The ids put before and after every text.
    package let prefixIDs: [Int32]
    package let suffixIDs: [Int32]

    let finder: AddedTokenFinder
    let normalizedFinder: AddedTokenFinder
    /// What added tokens are decoded as, by id.
    let addedSpellings: [Int32: [UInt8]]
    /// Whether decoding can leave an id out.
    package let specialIDs: Set<Int32>
    /// One more than the highest id.
    package let idCount: Int
    /// Whether the model takes bytes as they are, instead of spelled in the byte-level alphabet.
    let keepsBytes: Bool
    private let asksForOrigin: Bool
    private let pool = ScratchPool()

    init(
        normalizers: [TextNormalizer], splitters: [PieceSplitter], model: TokenModel, decoders: [TokenDecoder]?, added: [AddedToken],
        prefixIDs: [Int32] = [], suffixIDs: [Int32] = [], file: String
    ) throws {
        self.normalizers = normalizers
        self.splitters = splitters
        self.model = model
        self.decoders = decoders
        self.added = added
        self.prefixIDs = prefixIDs
        self.suffixIDs = suffixIDs
        var spellings: [Int32: [UInt8]] = [:]
        var plain: [(spelling: [UInt8], token: AddedTokenFinder.Token)] = []
        var normalized = plain
        for token in added where !token.content.isEmpty {
            let content = Array(token.content.utf8)
            let entry = AddedTokenFinder.Token(
                id: token.id, stripsLeft: token.stripsLeft, stripsRight: token.stripsRight, isSingleWord: token.isSingleWord)
            if token.isNormalized {
                var text = content.withUnsafeBufferPointer { AlignedText($0, at: 0, isAligned: false) }
                for normalizer in normalizers { normalizer.apply(to: &text) }
                spellings[token.id] = text.bytes
                normalized.append((text.bytes, entry))
            } else {
                spellings[token.id] = content
                plain.append((content, entry))
            }
        }
        finder = try AddedTokenFinder(plain, file: file)
        normalizedFinder = try AddedTokenFinder(normalized, file: file)
        addedSpellings = spellings
        // The library knows a special token by what it is decoded as.
        let special = Set(added.filter(\.isSpecial).map { Array($0.content.utf8) })
        specialIDs = Set(added.map(\.id).filter { [spellings] in special.contains(spellings[$0] ?? []) })
        idCount = max(model.table.idCount, Int(added.map(\.id).max() ?? -1) + 1)
        let count = idCount
        if let odd = (prefixIDs + suffixIDs).first(where: { $0 < 0 || Int($0) >= count }) {
            throw TrainerError(.corruptFile, "\(file) puts token \(odd) around texts", expected: "an id in 0..<\(count)")
        }
        let spells = splitters.indices.filter { [splitters] in if case .byteLevel = splitters[$0] { true } else { false } }
        let knowsAllBytes = if case .bytePairs(let model) = model { model.knowsAllBytes } else { false }
        keepsBytes = knowsAllBytes && spells == [splitters.count - 1]
        asksForOrigin = splitters.contains(where: \.asksForOrigin)
    }

    /// The most bytes of a text.
    private static let mostBytes = 1 << 29

    /// The ids of a text.
    package func encode(_ text: String, addSpecialTokens: Bool) throws -> [Int32] {
        let ids = try ids(of: text, .beginning)
        return addSpecialTokens && !(prefixIDs.isEmpty && suffixIDs.isEmpty) ? prefixIDs + ids + suffixIDs : ids
    }

    func ids(of text: String, _ place: TextPlace) throws -> [Int32] {
        var sink = TokenSink()
        try encode(text, place, isAligned: false, into: &sink)
        return sink.ids
    }

    /// The ids of a text, each with where in its UTF-8 it comes from; those around every text are not among them.
    package func spans(of text: String) throws -> [(id: Int32, start: Int, end: Int)] { try spans(of: text, .beginning) }

    func spans(of text: String, _ place: TextPlace) throws -> [(id: Int32, start: Int, end: Int)] {
        var sink = TokenSink()
        try encode(text, place, isAligned: true, into: &sink)
        return zip(sink.ids, sink.spans).map { ($0, Int($1.start), Int($1.end)) }
    }

    private func encode(_ text: String, _ place: TextPlace, isAligned: Bool, into result: inout TokenSink) throws {
        var text = text
        guard text.utf8.count <= Self.mostBytes else {
            throw TrainerError(.invalidData, "a text has \(text.utf8.count) bytes", expected: "at most \(Self.mostBytes)")
        }
        var state = text.withUTF8 { self.prepared($0, place, isAligned: isAligned || asksForOrigin) }
        for (index, splitter) in splitters.enumerated() {
            try splitter.apply(to: &state, keepsBytes: keepsBytes && index == splitters.count - 1)
        }
        var scratch = pool.take()
        scratch.sink.removeAll()
        defer { pool.put(scratch) }
        try state.bytes.withUnsafeBufferPointer { bytes in
            for piece in state.pieces {
                let first = scratch.sink.ids.count
                if piece.id >= 0 {
                    scratch.sink.append(piece.id, 0, Int(piece.end - piece.start))
                } else {
                    try model.encode(UnsafeBufferPointer(rebasing: bytes[piece.range]), isBytes: keepsBytes, &scratch)
                }
                if isAligned {
                    for index in first..<scratch.sink.ids.count {
                        let span = scratch.sink.spans[index]
                        scratch.sink.spans[index] = state.span(Int(piece.start + span.start), Int(piece.start + span.end))
                    }
                }
            }
        }
        result.ids = scratch.sink.ids
        if isAligned { result.spans = scratch.sink.spans }
    }

    /// The text after normalization, with the added tokens found.
    private func prepared(_ utf8: UnsafeBufferPointer<UInt8>, _ place: TextPlace, isAligned: Bool) -> TokenizedText {
        var state = TokenizedText(bytes: [], alignment: isAligned ? .identity : .none)
        state.place = place
        let isASCII = utf8.isASCII
        let isLeft = normalizers.allSatisfy { $0.leaves(utf8, isASCII: isASCII) }
        if isLeft {
            state.bytes = Array(utf8)
            finder.find(utf8) { id, start, end in
                if id >= 0 { return state.pieces.append(.init(start, end, id: id)) }
                normalizedFinder.find(UnsafeBufferPointer(rebasing: utf8[start..<end])) { id, first, last in
                    if first < last { state.pieces.append(.init(start + first, start + last, id: id)) }
                }
            }
            return state
        }
        state.alignment = isAligned ? .perByte : .none
        finder.find(utf8) { id, start, end in
            var part = AlignedText(UnsafeBufferPointer(rebasing: utf8[start..<end]), at: start, isAligned: isAligned)
            let begin = state.bytes.count
            if id >= 0 {
                state.pieces.append(.init(begin, begin + part.bytes.count, id: id))
            } else {
                for normalizer in normalizers { normalizer.apply(to: &part, continues: place == .continuing && start == 0) }
                part.bytes.withUnsafeBufferPointer { bytes in
                    normalizedFinder.find(bytes) { id, first, last in
                        if first < last { state.pieces.append(.init(begin + first, begin + last, id: id)) }
                    }
                }
            }
            state.bytes += part.bytes
            state.spans += part.spans
        }
        return state
    }
}
