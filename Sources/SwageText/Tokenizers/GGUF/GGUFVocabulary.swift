import Foundation
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
            let spaces = removesExtraSpaces ? [JSONValue.component("Strip", ["strip_left": .flag(false), "strip_right": .flag(true)])] : []
            document.normalizer = .sequence("normalizers", map + spaces)
            document.preTokenizer = .component(
                "Metaspace",
                ["replacement": .text("▁"), "prepend_scheme": .text(addsSpacePrefix ? "always" : "never"), "split": .flag(true)])
            document.decoder = .pieceDecoder(dropsFirstSpace: addsSpacePrefix)
        }
        document.added = addedTokens
        return document
    }

    private func kind(_ index: Int) -> Kind { kinds.isEmpty ? .normal : kinds[index] }

    private var unknownToken: String? { tokens.indices.contains(Int(unknownID)) ? tokens[Int(unknownID)] : nil }

    private var addedTokens: [AddedToken] {
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

    private func table(_ spellings: [[UInt8]]) throws -> TokenTable {
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

extension GGUFVocabulary {
    /// Byte-level BPE, whose tokens are spelled in the alphabet of GPT-2.
    private func bytePairs() throws -> TokenizerDocument {
        let table = try table(tokens.map { Array($0.utf8) })
        let merged = try merges.enumerated().map { rank, merge in
            // A token may begin with a space, but not be one.
            let text = Array(merge.utf8)
            guard let space = text.dropFirst().firstIndex(of: 0x20), let left = table.id(of: Array(text[..<space])),
                let right = table.id(of: Array(text[(space + 1)...])), let id = table.id(of: Array(text[..<space] + text[(space + 1)...]))
            else {
                throw TrainerError(.corruptFile, "\(file): the merge \(rank) is \"\(merge)\"", expected: "two tokens whose join is one")
            }
            return MergeTable.Merge(left: left, right: right, rank: Int32(truncatingIfNeeded: rank), id: id)
        }
        let settings = BytePairModel.Settings(ignoresMerges: GGUFPreTokenizer.ignoresMerges.contains(preTokenizer))
        var document = TokenizerDocument(model: .bytePairs(BytePairModel(table, merged, settings)))
        // llama.cpp leaves composed forms to whoever writes the text; the models that it calls so were trained on them.
        if preTokenizer == "qwen2" { document.normalizer = .component("NFC") }
        let steps = try GGUFPreTokenizer.expressions(preTokenizer, file: file).map(JSONValue.split) + [.byteLevel(splits: false)]
        document.preTokenizer = .sequence("pretokenizers", steps)
        document.decoder = .byteLevel(splits: true)
        return document
    }

    /// BERT's, whose tokens llama.cpp marks where words begin instead of where they go on.
    private func wordPieces() throws -> TokenizerDocument {
        let mark = "\u{2581}"
        let spellings = tokens.indices.map { id in
            if kind(id) != .normal || tokens[id].hasPrefix("[") && tokens[id].hasSuffix("]") { return Array(tokens[id].utf8) }
            return tokens[id].hasPrefix(mark) ? Array(tokens[id].utf8.dropFirst(mark.utf8.count)) : Array("##\(tokens[id])".utf8)
        }
        let model = WordPieceModel(try table(spellings), unknownToken: unknownToken ?? "[UNK]", prefix: "##", longestWord: 1 << 20)
        var document = TokenizerDocument(model: .wordPiece(model))
        document.normalizer = .component(
            "BertNormalizer",
            ["clean_text": .flag(true), "handle_chinese_chars": .flag(true), "strip_accents": .flag(true), "lowercase": .flag(true)])
        document.preTokenizer = .component("BertPreTokenizer")
        document.decoder = .component("WordPiece", ["prefix": .text("##"), "cleanup": .flag(true)])
        return document
    }

    /// The pieces of SentencePiece, merged by their scores, or the most probable ones; or the longest of each word.
    private func pieces(_ prefixIDs: [Int32], _ suffixIDs: [Int32]) throws -> TokenizerPipeline {
        var normalizers: [TextNormalizer]
        var splitters: [PieceSplitter] = []
        let model: TokenModel
        switch self.model {
        case .t5:
            let map = characterMap.isEmpty ? nil : try PrecompiledCharacterMap(characterMap, file: file)
            normalizers = [.sentencePiece(.init(map: map, addsPrefixSpace: addsSpacePrefix, removesExtraSpaces: removesExtraSpaces))]
            model = try unigram()
        case .bert:
            normalizers = [.bertOfLlamaCpp]
            splitters = [.delimiter(0x20)]
            model = .markedWords(MarkedWordModel(try table(tokens.map { Array($0.utf8) }), unknownID: unknownID))
        case .llama, .gpt2:
            normalizers = [.replaceText([0x20], with: Array("▁".utf8))]
            if addsSpacePrefix { normalizers.insert(.prepend(Array("▁".utf8)), at: 0) }
            model = .scoredPairs(ScoredPairModel(try table(tokens.map { Array($0.utf8) }), scores: scores, unknownID: unknownID))
        }
        let decoders: [TokenDecoder] = [.replaceText(Array("▁".utf8), with: [0x20]), .byteFallback, .fuse]
        let dropsFirstSpace = addsSpacePrefix || self.model == .bert
        return try TokenizerPipeline(
            normalizers: normalizers, splitters: splitters, model: model,
            decoders: decoders + (dropsFirstSpace ? [.strip([0x20], start: 1, end: 0)] : []), added: addedTokens, prefixIDs: prefixIDs,
            suffixIDs: suffixIDs, file: file)
    }

    private func unigram() throws -> TokenModel {
        let normal = tokens.indices.filter { kind($0) == .normal }
        return .unigram(
            UnigramModel(
                try table(tokens.map { Array($0.utf8) }),
                scores: tokens.indices.map { kind($0) == .userDefined ? 0 : Double(scores[$0]) },
                unknownID: unknownID, fallsBackToBytes: false,
                lowestScore: normal.map { Double(scores[$0]) }.min() ?? 0,
                isFound: { [.normal, .userDefined, .unused].contains(kind($0)) }))
    }

    /// The pairs whose joins are tokens, in the order of the scores.
    private func mergeOrder(_ table: TokenTable) throws -> [MergeTable.Merge] {
        let merges = try table.splits(file: file) { id, _ in id }
        let ordered = merges.sorted { (-scores[Int($0.id)], $0.id, $0.left) < (-scores[Int($1.id)], $1.id, $1.left) }
        return ordered.enumerated().map { .init(left: $1.left, right: $1.right, rank: Int32(truncatingIfNeeded: $0), id: $1.id) }
    }
}
