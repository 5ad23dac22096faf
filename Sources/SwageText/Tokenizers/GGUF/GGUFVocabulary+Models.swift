import Swage

extension GGUFVocabulary {
    /// Byte-level BPE, whose tokens are spelled in the alphabet of GPT-2.
    func bytePairs() throws -> TokenizerDocument {
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
    func wordPieces() throws -> TokenizerDocument {
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
    func pieces(_ prefixIDs: [Int32], _ suffixIDs: [Int32]) throws -> TokenizerPipeline {
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

    func unigram() throws -> TokenModel {
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
    func mergeOrder(_ table: TokenTable) throws -> [MergeTable.Merge] {
        let merges = try table.splits(file: file) { id, _ in id }
        let ordered = merges.sorted { (-scores[Int($0.id)], $0.id, $0.left) < (-scores[Int($1.id)], $1.id, $1.left) }
        return ordered.enumerated().map { .init(left: $1.left, right: $1.right, rank: Int32(truncatingIfNeeded: $0), id: $1.id) }
    }
}
