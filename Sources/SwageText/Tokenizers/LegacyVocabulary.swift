package import Foundation
import Swage

/// The vocabularies of the layouts before `tokenizer.json`.
package enum LegacyVocabulary {
    private static let qwenWords =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// GPT-2's `vocab.json` and `merges.txt`.
    /// - Parameters:
    ///   - isQwen: whether words are those of Qwen 2, in Unicode's composed form, instead of GPT-2's own.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`.
    package static func bytePairs(
        vocabulary: Data, merges: Data, file: String, mergesFile: String, isQwen: Bool, addsPrefixSpace: Bool
    ) throws -> TokenizerDocument {
        var arena: [UInt8] = []
        var tokens: [(id: Int32, end: Int32)] = []
        try JSONCursor.object(in: vocabulary, file: file) { key, cursor in
            arena += key.utf8
            guard arena.count < Int(Int32.max) else { throw cursor.wrong("the vocabulary is too large", expected: "at most 2 GB") }
            tokens.append((try cursor.id(), Int32(arena.count)))
        }
        let table = try TokenTable(arena: arena, tokens: tokens, what: file)
        let merged = try Self.merges(merges, table, file: mergesFile)
        var document = TokenizerDocument(model: .bytePairs(BytePairModel(table, merged, BytePairModel.Settings())))
        if isQwen { document.normalizer = .component("NFC") }
        let level = JSONValue.byteLevel(addsPrefixSpace: addsPrefixSpace, splits: !isQwen)
        document.preTokenizer = .sequence("pretokenizers", (isQwen ? [.split(qwenWords)] : []) + [level])
        document.decoder = .byteLevel(addsPrefixSpace: true, splits: true)
        return document
    }

    /// BERT's `vocab.txt`, a token a line.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile`.
    package static func wordPieces(
        _ content: Data, file: String, unknownToken: String, lowersCase: Bool, separatesChinese: Bool, stripsAccents: Bool?
    ) throws -> TokenizerDocument {
        var arena: [UInt8] = []
        var tokens: [(id: Int32, end: Int32)] = []
        for line in try lines(content, file: file) {
            arena += line.trimmedEnd.utf8
            guard arena.count < Int(Int32.max), tokens.count < 1 << 24 else {
                throw TrainerError(.corruptFile, "\(file): the vocabulary is too large", expected: "at most 2 GB")
            }
            tokens.append((Int32(tokens.count), Int32(arena.count)))
        }
        let table = try TokenTable(arena: arena, tokens: tokens, what: file, keepsLast: true)
        var document = TokenizerDocument(model: .wordPiece(.init(table, unknownToken: unknownToken, prefix: "##", longestWord: 100)))
        document.normalizer = .component(
            "BertNormalizer",
            [
                "clean_text": .flag(true), "handle_chinese_chars": .flag(separatesChinese),
                "strip_accents": stripsAccents.map { .flag($0) } ?? .null, "lowercase": .flag(lowersCase),
            ])
        document.preTokenizer = .component("BertPreTokenizer")
        document.decoder = .component("WordPiece", ["prefix": .text("##"), "cleanup": .flag(true)])
        return document
    }

    private static func merges(_ content: Data, _ table: TokenTable, file: String) throws -> [MergeTable.Merge] {
        var merges: [MergeTable.Merge] = []
        for (number, line) in try lines(content, file: file).enumerated() where !line.hasPrefix("#version") {
            let pair = line.split(separator: " ", omittingEmptySubsequences: false)
            guard pair.count == 2, let left = table.id(of: String(pair[0])), let right = table.id(of: String(pair[1])),
                let id = table.id(of: String(pair[0] + pair[1]))
            else {
                throw TrainerError(
                    .corruptFile, "\(file), line \(number + 1), is \"\(line.prefix(60))\"",
                    expected: "two tokens of the vocabulary with a space between them, whose join is one as well")
            }
            merges.append(.init(left: left, right: right, rank: Int32(truncatingIfNeeded: merges.count), id: id))
        }
        return merges
    }

    private static func lines(_ content: Data, file: String) throws -> [String] {
        guard let text = String(validating: content, as: UTF8.self) else {
            throw TrainerError(.corruptFile, "\(file) is no UTF-8", expected: "a text in UTF-8")
        }
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { String($0.last == "\r" ? $0.dropLast() : $0) }
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var rest = unicodeScalars[...]
        while let last = rest.last, last.properties.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}
