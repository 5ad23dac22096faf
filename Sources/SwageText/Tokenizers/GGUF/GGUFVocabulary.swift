import Swage

/// The vocabulary that a GGUF file's metadata hold.
package struct GGUFVocabulary: Sendable {
    /// What a token is, as llama.cpp numbers it.
    package enum Kind: Int, Sendable { case normal = 1, unknown, control, userDefined, unused, byte }

    package var tokens: [String]
    package var scores: [Float] = []
    package var kinds: [Kind] = []
    package var merges: [String] = []
    /// `tokenizer.ggml.pre`.
    package var preTokenizer = "gpt-2"
    package var prefixIDs: [Int32] = []
    package var suffixIDs: [Int32] = []
    /// `tokenizer.ggml.add_space_prefix`.
    package var addsSpacePrefix = true
    /// `tokenizer.ggml.remove_extra_whitespaces`.
    package var removesExtraSpaces = false
    /// `tokenizer.ggml.precompiled_charsmap`.
    package var characterMap: [UInt8] = []

    package init(tokens: [String]) { self.tokens = tokens }

    private func kind(_ index: Int) -> Kind { kinds.isEmpty ? .normal : kinds[index] }

    private func checkCounts(_ file: String) throws {
        guard !tokens.isEmpty, tokens.count < 1 << 24, kinds.isEmpty || kinds.count == tokens.count,
            scores.isEmpty || scores.count == tokens.count
        else {
            throw TrainerError(
                .corruptFile, "\(file): there are \(kinds.count) token types and \(scores.count) scores for \(tokens.count) tokens",
                expected: "as many of each")
        }
    }

    /// The tokenizer of a model `gpt2`, whose vocabulary is spelled in the byte-level alphabet.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`.
    package func bytePairs(file: String, normalizesToNFC: Bool = false) throws -> TokenizerPipeline {
        try checkCounts(file)
        var arena: [UInt8] = []
        var ends: [(id: Int32, end: Int32)] = []
        for (id, token) in tokens.enumerated() {
            arena += token.utf8
            guard arena.count < Int(Int32.max) else {
                throw TrainerError(.corruptFile, "\(file): the tokens take too much memory", expected: "less")
            }
            ends.append((Int32(id), Int32(arena.count)))
        }
        let table = try TokenTable(arena: arena, tokens: ends, what: file, keepsLast: true)
        var merging = MergeTable(capacity: merges.count)
        var merged: [(left: Int32, right: Int32, id: Int32)] = []
        for (rank, merge) in merges.enumerated() {
            // A token may begin with a space, but not be one.
            let text = Array(merge.utf8)
            guard let space = text.dropFirst().firstIndex(of: 0x20), let left = table.id(of: Array(text[..<space])),
                let right = table.id(of: Array(text[(space + 1)...])), let id = table.id(of: Array(text[..<space] + text[(space + 1)...]))
            else {
                throw TrainerError(.corruptFile, "\(file): the merge \(rank) is \"\(merge)\"", expected: "two tokens whose join is one")
            }
            merging.insert(left, right, rank: Int32(rank), id: id)
            merged.append((left, right, id))
        }
        let settings = BytePairModel.Settings(ignoresMerges: GGUFPreTokenizer.ignoresMerges.contains(preTokenizer))
        let added = tokens.indices.filter { kind($0) == .control || kind($0) == .userDefined }.map { id in
            TokenizerPipeline.Added(id: Int32(id), content: tokens[id], isSpecial: kind(id) == .control)
        }
        return try TokenizerPipeline(
            normalizers: normalizesToNFC ? [.form(.nfc)] : [], splitters: try GGUFPreTokenizer.splitters(preTokenizer, file: file),
            model: .bytePairs(try BytePairModel(table, merges: merging, merged: merged, settings)), decoders: [.byteLevel], added: added,
            prefixIDs: prefixIDs, suffixIDs: suffixIDs, file: file)
    }

    /// The tokenizer of a model `llama`, which merges by scores, or `t5`, which is Unigram.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`.
    package func sentencePieces(file name: String, isUnigram: Bool) throws -> SentencePieceTokenizer {
        try checkCounts(name)
        guard !scores.isEmpty, scores.allSatisfy(\.isFinite) else {
            throw TrainerError(.corruptFile, "\(name) has no scores for its tokens", expected: "finite ones")
        }
        var file = SentencePieceFile()
        file.model = isUnigram ? .unigram : .bytePairs
        file.pieces = try tokens.indices.map { index in
            guard !tokens[index].isEmpty else {
                throw TrainerError(.corruptFile, "\(name): the token \(index) is empty", expected: "a text")
            }
            return SentencePieceFile.Piece(
                text: Array(tokens[index].utf8), score: scores[index], kind: .init(rawValue: kind(index).rawValue) ?? .normal)
        }
        file.fallsBackToBytes = kinds.contains(.byte)
        file.addsDummyPrefix = addsSpacePrefix
        file.removesExtraSpaces = removesExtraSpaces
        if !characterMap.isEmpty { file.characterMap = try PrecompiledCharacterMap(characterMap, file: name) }
        return try SentencePieceTokenizer(file, name: name)
    }
}
