import Swage

/// Byte-pair encoding, over characters or over bytes, with every setting that `tokenizers` has but dropout.
struct BytePairModel: Sendable {
    struct Settings: Sendable {
        var unknownToken: String?
        var continuingPrefix: String?
        var endOfWordSuffix: String?
        var fusesUnknown = false
        var fallsBackToBytes = false
        var ignoresMerges = false
    }

    let table: TokenTable
    let settings: Settings
    let merges: MergeTable
    private let unknownID: Int32?
    /// The token of each byte as the byte-level alphabet spells it; nil unless all are there, and text is taken byte by byte.
    private let byteIDs: [Int32]?
    /// The token of each character of ASCII, where no prefix or suffix changes it; negative for none.
    private let asciiIDs: [Int32]
    /// The tokens `<0x00>` and so on; negative for none.
    private let fallbackIDs: [Int32]
    /// Whether no merge goes over a place at which the mark for a space follows something else, so that a text can be cut there.
    private let cutsAtMark: Bool
    /// How long pieces are merged that hold characters, and that hold bytes.
    private let longPieces: (characters: LongPieceMerger, bytes: LongPieceMerger)

    private static let mark: [UInt8] = Array("▁".utf8)

    init(_ table: TokenTable, _ merged: [MergeTable.Merge], _ settings: Settings) {
        self.table = table
        merges = MergeTable(merged)
        self.settings = settings
        unknownID = settings.unknownToken.flatMap { table.id(of: $0) }
        let isPlain = settings.continuingPrefix == nil && settings.endOfWordSuffix == nil
        asciiIDs = isPlain ? (0..<128).map { table.id(of: [UInt8($0)]) ?? -1 } : []
        fallbackIDs = (0..<256).map { table.id(of: Self.fallbackSpelling(UInt8($0))) ?? -1 }
        let spelled = ByteLevelAlphabet.scalars.map { table.id(of: String($0)) }
        byteIDs = isPlain && !spelled.contains(nil) ? spelled.compactMap { $0 } : nil
        longPieces = (LongPieceMerger(table, merges, isUsable: isPlain), LongPieceMerger(table, merges, bytes: byteIDs, isUsable: byteIDs != nil))
        let odd = Set(fallbackIDs.filter { $0 >= 0 } + [unknownID].compactMap { $0 })
        cutsAtMark =
            isPlain && table.id(of: Self.mark) != nil
            && merged.allSatisfy { merge in
                !odd.contains(merge.left) && !odd.contains(merge.right) && table.withBytes(of: merge.id) { !Self.hasMarkWithin($0) }
            }
    }

    static func fallbackSpelling(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x\(digits.count == 1 ? "0" : "")\(digits)>"
    }

    /// Whether text can be taken byte by byte, instead of spelled in the byte-level alphabet.
    var knowsAllBytes: Bool { byteIDs != nil }

    /// Whether a mark for a space comes after something else.
    static func hasMarkWithin(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.indices.dropFirst().contains { isMark(bytes, $0) && !isMark(bytes, $0 - 3) }
    }

    static func isMark(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        index >= 0 && index + 3 <= bytes.count && bytes[index] == mark[0] && bytes[index + 1] == mark[1] && bytes[index + 2] == mark[2]
    }

    /// Appends the tokens of a piece.
    /// - Parameter isBytes: whether the piece is taken byte by byte.
    func encode(_ piece: UnsafeBufferPointer<UInt8>, isBytes: Bool, _ scratch: inout EncodingScratch) throws {
        if cutsAtMark, !isBytes, piece.count > 3 {
            if settings.ignoresMerges, let id = table.id(of: piece) { return scratch.sink.append(id, 0, piece.count) }
            var start = 0
            for index in 3..<max(3, piece.count - 2)
            where piece[index] == Self.mark[0] && Self.isMark(piece, index) && !Self.isMark(piece, index - 3) {
                try encodeWord(piece, start, index, isBytes, &scratch)
                start = index
            }
            try encodeWord(piece, start, piece.count, isBytes, &scratch)
        } else {
            try encodeWord(piece, 0, piece.count, isBytes, &scratch)
        }
    }

    @inline(__always)
    private func encodeWord(
        _ piece: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ isBytes: Bool, _ scratch: inout EncodingScratch
    ) throws {
        let word = UnsafeBufferPointer(rebasing: piece[start..<end])
        let first = scratch.sink.ids.count
        if word.count <= WordCache.longestPiece {
            let hash = word.fastHash
            if !scratch.cache.find(word, hash, into: &scratch.sink) {
                try encodeNew(word, isPart: word.count < piece.count, isBytes, &scratch)
                scratch.cache.insert(word, hash, scratch.sink, from: first)
            }
        } else {
            try encodeNew(word, isPart: word.count < piece.count, isBytes, &scratch)
        }
        if start > 0 { scratch.sink.shift(from: first, by: start) }
    }

    @inline(never)
    private func encodeNew(_ word: UnsafeBufferPointer<UInt8>, isPart: Bool, _ isBytes: Bool, _ scratch: inout EncodingScratch) throws {
        if settings.ignoresMerges, !isPart, let id = isBytes ? table.id(of: ByteLevelAlphabet.spelled(word)) : table.id(of: word) {
            return scratch.sink.append(id, 0, word.count)
        }
        let longPieces = isBytes ? longPieces.bytes : longPieces.characters
        if longPieces.merge(word, &scratch) { return }
        scratch.merger.symbols.removeAll(keepingCapacity: true)
        if isBytes, let byteIDs {
            for (index, byte) in word.enumerated() { scratch.merger.add(byteIDs[Int(byte)], index, index + 1) }
        } else {
            try addCharacters(word, &scratch.merger)
        }
        scratch.merger.merge(word, by: merges)
        for symbol in scratch.merger.symbols { scratch.sink.append(symbol.id, Int(symbol.start), Int(symbol.end)) }
    }

    private func addCharacters(_ word: UnsafeBufferPointer<UInt8>, _ merger: inout PairMerger) throws {
        var index = 0
        // What has no token is left out, and the places of what follows move up, as in `tokenizers`.
        var place = 0
        var unknown: (id: Int32, length: Int)?
        func add(_ id: Int32, _ length: Int) {
            merger.add(id, place, place + length)
            place += length
        }
        while index < word.count {
            let width = word[index] < 0x80 ? 1 : word.scalar(at: index).width
            let character = UnsafeBufferPointer(rebasing: word[index..<index + width])
            let isLast = index + width == word.count
            if let id = id(of: character, isFirst: index == 0, isLast: isLast) {
                if let (id, length) = unknown { add(id, length) }
                unknown = nil
                add(id, width)
            } else if settings.fallsBackToBytes, let ids = fallback(character, isFirst: index == 0, isLast: isLast) {
                for id in ids { add(id, 1) }
            } else if let token = settings.unknownToken {
                guard let unknownID else {
                    throw TrainerError(
                        .corruptFile, "the tokenizer has no token \"\(token)\" for what is unknown", expected: "one in the vocabulary")
                }
                if settings.fusesUnknown, let (id, length) = unknown {
                    unknown = (id, length + width)
                } else {
                    if let (id, length) = unknown { add(id, length) }
                    unknown = (unknownID, width)
                }
            }
            index += width
        }
        if let (id, length) = unknown { add(id, length) }
    }

    @inline(__always)
    private func id(of character: UnsafeBufferPointer<UInt8>, isFirst: Bool, isLast: Bool) -> Int32? {
        if !asciiIDs.isEmpty {
            if character.count == 1, character[0] < 0x80 {
                let id = asciiIDs[Int(character[0])]
                return id < 0 ? nil : id
            }
            return table.id(of: character)
        }
        return table.id(of: affixed(character, isFirst: isFirst, isLast: isLast))
    }

    private func affixed(_ character: UnsafeBufferPointer<UInt8>, isFirst: Bool, isLast: Bool) -> [UInt8] {
        var spelling = Array((isFirst ? nil : settings.continuingPrefix)?.utf8 ?? "".utf8)
        spelling += character
        if isLast { spelling += Array((settings.endOfWordSuffix ?? "").utf8) }
        return spelling
    }

    /// The tokens of a character's bytes, and of what is put before and after it; nil if one is missing.
    private func fallback(_ character: UnsafeBufferPointer<UInt8>, isFirst: Bool, isLast: Bool) -> [Int32]? {
        let ids = affixed(character, isFirst: isFirst, isLast: isLast).map { fallbackIDs[Int($0)] }
        return ids.contains { $0 < 0 } ? nil : ids
    }
}

extension ByteLevelAlphabet {
    /// A piece as the byte-level alphabet spells it.
    static func spelled(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var spelling: [UInt8] = []
        for byte in bytes { spelling.append(scalar: scalars[Int(byte)].value) }
        return spelling
    }
}

extension TokenSink {
    @inline(__always)
    mutating func shift(from start: Int, by distance: Int) {
        for index in start..<spans.count {
            spans[index].start += Int32(truncatingIfNeeded: distance)
            spans[index].end += Int32(truncatingIfNeeded: distance)
        }
    }
}
