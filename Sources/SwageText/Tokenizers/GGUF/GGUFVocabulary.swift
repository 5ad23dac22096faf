import Swage

/// The vocabulary that a GGUF file's metadata hold, and the tokenizer that llama.cpp makes of it.
package struct GGUFVocabulary: Sendable {
    /// `tokenizer.ggml.model`.
    package enum Model: String, Sendable, CaseIterable { case gpt2, llama, t5, bert }

    /// What a token is, as llama.cpp numbers it.
    package enum Kind: Int, Sendable { case normal = 1, unknown, control, userDefined, unused, byte }

    package var model: Model
    package var tokens: [String]
    package var scores: [Float] = []
    package var kinds: [Kind] = []
    package var merges: [String] = []
    /// `tokenizer.ggml.pre`.
    package var preTokenizer = "default"
    /// `tokenizer.ggml.unknown_token_id`.
    package var unknownID: Int32
    /// `tokenizer.ggml.add_space_prefix`.
    package var addsSpacePrefix: Bool
    /// `tokenizer.ggml.remove_extra_whitespaces`.
    package var removesExtraSpaces = false
    /// `tokenizer.ggml.precompiled_charsmap`.
    package var characterMap: [UInt8] = []
    /// What errors name.
    package let file: String

    package init(_ model: Model, tokens: [String], file: String) {
        (self.model, self.tokens, self.file) = (model, tokens, file)
        addsSpacePrefix = model == .llama
        // What llama.cpp takes where the file does not say.
        unknownID = model == .bert ? 100 : model == .t5 ? 2 : 0
    }

    /// What is put before and after a text where the file does not say.
    package var addsBeginning: Bool {
        model == .llama || model == .bert || model == .gpt2 && GGUFPreTokenizer.addsBeginning.contains(preTokenizer)
    }
    package var addsEnd: Bool { model == .t5 || model == .bert }

    /// The tokenizer, and what is written for it where a `tokenizer.json` is wanted.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`.
    package func pipeline(prefixIDs: [Int32], suffixIDs: [Int32]) throws -> TokenizerPipeline {
        try checkCounts()
        switch model {
        case .gpt2: return try document().pipeline(prefixIDs: prefixIDs, suffixIDs: suffixIDs, file: file)
        case .llama, .t5, .bert: return try pieces(prefixIDs, suffixIDs)
        }
    }

    /// What Hugging Face's libraries read as this tokenizer, or come closest to it with.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`.
    package func document() throws -> TokenizerDocument {
        try checkCounts()
        var document: TokenizerDocument
        switch model {
        case .gpt2: document = try bytePairs()
        case .bert: document = try wordPieces()
        case .llama:
            let table = try table(tokens.map { Array($0.utf8) })
            let order = try mergeOrder(table)
            let settings = BytePairModel.Settings(
                unknownToken: unknownToken, fusesUnknown: true, fallsBackToBytes: kinds.contains(.byte))
            document = TokenizerDocument(model: .bytePairs(BytePairModel(table, order, settings)))
            document.normalizer = .sequence(
                "normalizers",
                (addsSpacePrefix ? [.component("Prepend", ["prepend": .text("▁")])] : []) + [.replace(" ", with: "▁")])
            document.decoder = .pieceDecoder(dropsFirstSpace: addsSpacePrefix)
        case .t5:
            document = TokenizerDocument(model: try unigram())
            let map = characterMap.isEmpty ? [] : [SentencePieceFile.precompiled(characterMap)]
            let spaces = [(#"\A +| +\z"#, ""), (" {2,}", " ")].map { pattern, content in
                JSONValue.component("Replace", ["pattern": .object(["Regex": .text(pattern)]), "content": .text(content)])
            }
            document.normalizer = .sequence("normalizers", map + (removesExtraSpaces ? spaces : []))
            document.preTokenizer = .component(
                "Metaspace",
                ["replacement": .text("▁"), "prepend_scheme": .text(addsSpacePrefix ? "always" : "never"), "split": .flag(true)])
            document.decoder = .pieceDecoder(dropsFirstSpace: addsSpacePrefix)
        }
        document.added = addedTokens
        return document
    }

    func kind(_ index: Int) -> Kind { kinds.isEmpty ? .normal : kinds[index] }

    var unknownToken: String? { tokens.indices.contains(Int(unknownID)) ? tokens[Int(unknownID)] : nil }

    var addedTokens: [AddedToken] {
        let found = tokens.indices.filter { [.control, .userDefined, .unknown].contains(kind($0)) && !tokens[$0].isEmpty }
        // Of two that are spelled alike, llama.cpp knows the last.
        let last = Dictionary(found.map { (Spelling(text: tokens[$0]), $0) }, uniquingKeysWith: { $1 })
        return last.values.sorted().map { AddedToken(id: Int32($0), content: tokens[$0], isSpecial: kind($0) != .userDefined) }
    }

    private func checkCounts() throws {
        guard !tokens.isEmpty, tokens.count < 1 << 24, kinds.isEmpty || kinds.count == tokens.count,
            scores.isEmpty || scores.count == tokens.count
        else {
            throw TrainerError(
                .corruptFile, "\(file): there are \(kinds.count) token types and \(scores.count) scores for \(tokens.count) tokens",
                expected: "as many of each")
        }
        guard model == .gpt2 || tokens.indices.contains(Int(unknownID)) else {
            throw TrainerError(
                .corruptFile, "\(file): the token for what is unknown, tokenizer.ggml.unknown_token_id, is \(unknownID)",
                expected: "an id in 0..<\(tokens.count)")
        }
        if model == .llama || model == .t5 {
            guard !scores.isEmpty, scores.allSatisfy(\.isFinite) else {
                throw TrainerError(
                    .corruptFile, "\(file) has no tokenizer.ggml.scores, or some that are not finite", expected: "a score for each token")
            }
        }
    }

    func table(_ spellings: [[UInt8]]) throws -> TokenTable {
        var arena: [UInt8] = []
        var ends: [(id: Int32, end: Int32)] = []
        for (id, spelling) in spellings.enumerated() {
            arena += spelling
            guard arena.count < Int(Int32.max) else {
                throw TrainerError(.corruptFile, "\(file): the tokens take too much memory", expected: "at most 2 GB")
            }
            ends.append((Int32(id), Int32(arena.count)))
        }
        return try TokenTable(arena: arena, tokens: ends, what: file, keepsLast: true)
    }
}
