import Swage

extension TokenizerPipeline {
    /// The text of ids. Those that no token has are left out, as in `tokenizers`.
    package func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String {
        var tokens: [[UInt8]] = []
        tokens.reserveCapacity(ids.count)
        for id in ids where !(skipSpecialTokens && specialIDs.contains(id)) {
            if let spelling = spelling(of: id) { tokens.append(spelling) }
        }
        guard let decoders else { return String(decoding: Array(tokens.joined(separator: [0x20])), as: UTF8.self) }
        return String(decoding: Array(decoders.reduce(tokens) { $1.decode($0) }.joined()), as: UTF8.self)
    }

    /// What an id adds to a text in its midst; half a character may be among it. Special tokens add nothing.
    package func bytes(of id: Int32) -> [UInt8] {
        guard !specialIDs.contains(id), let spelling = spelling(of: id) else { return [] }
        return Array((decoders ?? []).reduce([spelling]) { $1.decode($0, isWhole: false) }.joined())
    }

    /// How the decoder is given a token.
    func spelling(of id: Int32) -> [UInt8]? { addedSpellings[id] ?? model.table.bytes(of: id) }

    /// How a token is spelled in the vocabulary; nil for an id that has none.
    package func token(of id: Int32) -> String? {
        added.first { $0.id == id }?.content ?? model.table.spelling(of: id)
    }

    /// The id of a token by its spelling.
    package func id(of token: String) -> Int32? {
        added.first { $0.content.utf8.elementsEqual(token.utf8) }?.id ?? model.table.id(of: token)
    }

    /// How many tokens there are.
    package var tokenCount: Int { model.table.count + added.count { !$0.content.isEmpty && !model.table.contains($0.id) } }
}

/// Decodes ids that come one after the other, as the `DecodeStream` of `tokenizers` does.
package struct TokenDecodeStream: Sendable {
    private let tokenizer: TokenizerPipeline
    private let skipsSpecialTokens: Bool
    private var ids: [Int32] = []
    private var prefix = ""
    private var prefixIndex = 0

    package init(_ tokenizer: TokenizerPipeline, skipSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        skipsSpecialTokens = skipSpecialTokens
    }

    /// The text that became complete with an id; nil if none did.
    /// - Throws: ``TrainerError`` with code `unsupported` if the text so far changed, as it does with decoders that look back.
    package mutating func append(_ id: Int32) throws -> String? {
        if prefix.isEmpty, !ids.isEmpty {
            let text = decode()
            if !text.hasIncompleteEnd {
                prefix = text
                prefixIndex = ids.count
            }
        }
        ids.append(id)
        let text = decode()
        guard text.utf8.count > prefix.utf8.count, !text.hasIncompleteEnd else { return nil }
        guard text.utf8.starts(with: prefix.utf8) else {
            throw TrainerError(
                .unsupported, "token \(id) changes the text that was decoded before it", expected: "a decoder that only adds text")
        }
        let new = String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
        let index = ids.count - prefixIndex
        ids.removeFirst(prefixIndex)
        prefix = decode()
        prefixIndex = index
        return new
    }

    private func decode() -> String { tokenizer.decode(ids, skipSpecialTokens: skipsSpecialTokens) }
}

extension String {
    fileprivate var hasIncompleteEnd: Bool { unicodeScalars.last == "\u{FFFD}" }
}
