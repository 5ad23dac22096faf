import Foundation
import Swage

extension SentencePieceFile {
    /// What transformers makes of a `tokenizer.model`, by the class of tokenizers that a model names.
    package enum Style: Sendable {
        /// `LlamaTokenizer`.
        case llama(addsPrefixSpace: Bool, isLegacy: Bool)
        /// `GemmaTokenizer`, with its token for what is unknown.
        case gemma(unknown: String)
        /// `TokenizersBackend`, which stands for every class without a reader of its own, and takes other spellings of some ids.
        case plain(renamed: [Int32: String])
    }

    /// The tokenizer that transformers makes of this file. Pairs are merged in the order of the ids, not of the scores.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`.
    package func document(_ style: Style) throws -> TokenizerDocument {
        switch style {
        case .llama(let addsPrefixSpace, let isLegacy):
            var settings = BytePairModel.Settings(fusesUnknown: true, fallsBackToBytes: true)
            settings.unknownToken = nil
            let scheme = addsPrefixSpace ? isLegacy ? "always" : "first" : "never"
            var document = TokenizerDocument(model: .bytePairs(try bytePairs([:], settings)))
            document.preTokenizer = .component(
                "Metaspace", ["replacement": .text("▁"), "prepend_scheme": .text(scheme), "split": .flag(false)])
            document.decoder = .pieceDecoder(dropsFirstSpace: addsPrefixSpace)
            return document
        case .gemma(let unknown):
            let settings = BytePairModel.Settings(unknownToken: unknown, fusesUnknown: true, fallsBackToBytes: true)
            var document = TokenizerDocument(model: .bytePairs(try bytePairs([:], settings)))
            document.normalizer = .replace(" ", with: "▁")
            document.preTokenizer = .component(
                "Split", ["pattern": .object(["String": .text(" ")]), "behavior": .text("MergedWithPrevious"), "invert": .flag(false)])
            document.decoder = .pieceDecoder(dropsFirstSpace: false)
            return document
        case .plain(let renamed):
            let settings = BytePairModel.Settings(
                unknownToken: unknownPiece, fusesUnknown: true, fallsBackToBytes: fallsBackToBytes)
            var document = TokenizerDocument(
                model: model == .unigram ? .unigram(try unigram()) : .bytePairs(try bytePairs(renamed, settings)))
            let map = characterMap.isEmpty ? [] : [Self.precompiled(characterMap)]
            document.normalizer = .component("Sequence", ["normalizers": .list(map + [.replace(" ", with: "▁")])])
            document.decoder = .pieceDecoder(fallsBackToBytes: fallsBackToBytes, dropsFirstSpace: false)
            return document
        }
    }

    static func precompiled(_ map: [UInt8]) -> JSONValue {
        .component("Precompiled", ["precompiled_charsmap": .text(Data(map).base64EncodedString())])
    }

    private func table(_ renamed: [Int32: String]) throws -> TokenTable {
        var arena: [UInt8] = []
        var tokens: [(id: Int32, end: Int32)] = []
        for (id, piece) in pieces.enumerated() {
            arena += renamed[Int32(id)].map { Array($0.utf8) } ?? piece.text
            guard arena.count < Int(Int32.max) else {
                throw TrainerError(.corruptFile, "\(file): the pieces take too much memory", expected: "at most 2 GB")
            }
            tokens.append((Int32(id), Int32(arena.count)))
        }
        return try TokenTable(arena: arena, tokens: tokens, what: file, keepsLast: true)
    }

    private func bytePairs(_ renamed: [Int32: String], _ settings: BytePairModel.Settings) throws -> BytePairModel {
        // The merges are those of the pieces as the file has them.
        let table = try table([:])
        let merges = try table.splits(file: file) { Int32(truncatingIfNeeded: $1) }
        let others = renamed.filter { id, spelling in
            pieces.indices.contains(Int(id)) && !pieces[Int(id)].text.elementsEqual(spelling.utf8) && table.id(of: spelling) == nil
        }
        return BytePairModel(others.isEmpty ? table : try self.table(others), merges, settings)
    }

    private func unigram() throws -> UnigramModel {
        guard pieces.indices.contains(unknownID) else {
            throw TrainerError(.corruptFile, "\(file): unk_id is \(unknownID)", expected: "an id in 0..<\(pieces.count)")
        }
        return UnigramModel(
            try table([:]), scores: pieces.map { JSONCursor.rewritten(Double($0.score)) }, unknownID: Int32(unknownID),
            fallsBackToBytes: fallsBackToBytes)
    }
}
