import Swage

/// The longest tokens from front to back, as BERT takes them.
struct WordPieceModel: Sendable {
    let table: TokenTable
    let unknownToken: String
    let prefix: [UInt8]
    let longestWord: Int
    private let longestToken: Int

    init(_ table: TokenTable, unknownToken: String, prefix: String, longestWord: Int) {
        self.table = table
        self.unknownToken = unknownToken
        self.prefix = Array(prefix.utf8)
        self.longestWord = longestWord
        longestToken = (0..<Int32(table.idCount)).reduce(0) { longest, id in table.withBytes(of: id) { max(longest, $0.count) } }
    }

    func encode(_ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) throws {
        let first = scratch.sink.ids.count
        let hash = piece.fastHash
        if piece.count <= WordCache.longestPiece, scratch.cache.find(piece, hash, into: &scratch.sink) { return }
        let characters = piece.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
        if characters > longestWord || !encodeKnown(piece, &scratch.sink) {
            scratch.sink.ids.removeLast(scratch.sink.ids.count - first)
            scratch.sink.spans.removeLast(scratch.sink.spans.count - first)
            guard let id = table.id(of: unknownToken) else {
                throw TrainerError(
                    .corruptFile, "the tokenizer has no token \"\(unknownToken)\" for what is unknown", expected: "one in the vocabulary")
            }
            scratch.sink.append(id, 0, piece.count)
        }
        if piece.count <= WordCache.longestPiece { scratch.cache.insert(piece, hash, scratch.sink, from: first) }
    }

    private func encodeKnown(_ piece: UnsafeBufferPointer<UInt8>, _ sink: inout TokenSink) -> Bool {
        var start = 0
        var spelling: [UInt8] = []
        while start < piece.count {
            let before = start > 0 ? prefix.count : 0
            spelling.removeAll(keepingCapacity: true)
            if start > 0 { spelling += prefix }
            var end = min(piece.count, start + max(0, longestToken - before))
            while end > start, end < piece.count, piece[end] & 0xC0 == 0x80 { end -= 1 }
            spelling += piece[start..<end]
            var found: Int32?
            while end > start {
                found = spelling.withUnsafeBufferPointer { table.id(of: UnsafeBufferPointer(rebasing: $0[..<(before + end - start)])) }
                if found != nil { break }
                end -= 1
                while end > start, piece[end] & 0xC0 == 0x80 { end -= 1 }
            }
            guard let id = found else { return false }
            sink.append(id, start, end)
            start = end
        }
        return true
    }
}

/// A token for each word.
struct WordLevelModel: Sendable {
    let table: TokenTable
    let unknownToken: String

    func encode(_ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodingScratch) throws {
        guard let id = table.id(of: piece) ?? table.id(of: unknownToken) else {
            throw TrainerError(
                .corruptFile, "the tokenizer has no token \"\(unknownToken)\" for what is unknown", expected: "one in the vocabulary")
        }
        scratch.sink.append(id, 0, piece.count)
    }
}
