import Foundation
import Swage
import SwageText

/// The vocabulary of a folder without `tokenizer.json`, as transformers 5 reads it.
struct OlderVocabulary {
    let document: TokenizerDocument
    /// The file that it is from.
    let file: String
    /// The tokens that have names where no file gives them others.
    let specialTokens: [String: String]
    /// The tokens of the file itself that are found in text before any other rule.
    let ownTokens: [AddedToken]
    private let kind: Kind

    private enum Kind { case plain, tekken, bert }

    /// - Throws: ``TrainerError`` with code `inputOutput`, naming the files, if there is none that is known.
    init(_ folder: ModelFolder, _ configuration: JSONField?) throws {
        let style = try TokenizerClass(configuration, model: try folder.json("config.json"))
        let prefix = try configuration?["add_prefix_space"]?.flag()
        let unknown = configuration?["unk_token"]
        let unknownToken = try (unknown?["content"] ?? unknown)?.text()
        if let data = try folder.data("tekken.json") {
            file = "\(folder.path)/tekken.json"
            document = try TekkenReader.document(data, file: file)
            specialTokens = ["bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"]
            (ownTokens, kind) = ([], .tekken)
        } else if let data = try folder.data("tokenizer.model") {
            file = "\(folder.path)/tokenizer.model"
            let pieces = try SentencePieceFile(data, file: file)
            ownTokens = pieces.addedTokens
            switch style {
            case .llama:
                document = try pieces.document(
                    .llama(addsPrefixSpace: prefix ?? true, isLegacy: try configuration?["legacy"]?.flag() ?? false))
            case .gemma: document = try pieces.document(.gemma(unknown: unknownToken ?? "<unk>"))
            case .plain: document = try pieces.document(.plain(renamed: try Self.renamed(configuration)))
            case .gpt2, .qwen2, .bert:
                throw TrainerError(
                    .unsupported, "\(file) belongs to a model that is read by \(style.rawValue), which knows no such file",
                    expected: "vocab.json and merges.txt, or tokenizer.json")
            }
            (specialTokens, kind) = (style == .plain ? pieces.specialTokens : style.specialTokens, .plain)
        } else if style == .bert {
            file = "\(folder.path)/vocab.txt"
            document = try LegacyVocabulary.wordPieces(
                try Self.required(["vocab.txt"], in: folder)[0], file: file, unknownToken: unknownToken ?? "[UNK]",
                lowersCase: try configuration?["do_lower_case"]?.flag() ?? true,
                separatesChinese: try configuration?["tokenize_chinese_chars"]?.flag() ?? true,
                stripsAccents: try configuration?["strip_accents"]?.flag())
            (specialTokens, ownTokens, kind) = (style.specialTokens, [], .bert)
        } else {
            let files = try Self.required(["vocab.json", "merges.txt"], in: folder)
            guard style == .gpt2 || style == .qwen2 else {
                throw TrainerError(
                    .unsupported, "\(folder.path) has vocab.json and merges.txt, and no tokenizer_class that says how text is cut",
                    expected: "GPT2Tokenizer or Qwen2Tokenizer in tokenizer_config.json, or a tokenizer.json")
            }
            file = "\(folder.path)/vocab.json"
            document = try LegacyVocabulary.bytePairs(
                vocabulary: files[0], merges: files[1], file: file, mergesFile: "\(folder.path)/merges.txt", isQwen: style == .qwen2,
                addsPrefixSpace: prefix ?? false)
            (specialTokens, ownTokens, kind) = (style.specialTokens, [], .plain)
        }
    }

    /// The ids before and after every text.
    func around(_ configuration: JSONField?, _ named: [String: String], _ pipeline: TokenizerPipeline) throws -> ([Int32], [Int32]) {
        func id(_ name: String, _ flag: String, standard: Bool) throws -> [Int32] {
            guard try configuration?[flag]?.flag() ?? standard else { return [] }
            return [named[name].flatMap { pipeline.id(of: $0) }].compactMap { $0 }
        }
        if kind == .bert {
            return (try id("cls_token", "", standard: true), try id("sep_token", "", standard: true))
        }
        // mistral-common begins every text so.
        let before = try id("bos_token", "add_bos_token", standard: kind == .tekken)
        return (before, try id("eos_token", "add_eos_token", standard: false))
    }

    /// Other spellings of tokens that the vocabulary has under the same ids.
    private static func renamed(_ configuration: JSONField?) throws -> [Int32: String] {
        let tokens = try configuration?["added_tokens_decoder"]?.members() ?? []
        return Dictionary(
            try tokens.compactMap { key, field in try Int32(key).map { ($0, try field.required("content").text()) } },
            uniquingKeysWith: { $1 })
    }

    private static func required(_ names: [String], in folder: ModelFolder) throws -> [Data] {
        let found = try names.map { try folder.data($0) }
        guard let missing = zip(names, found).first(where: { $0.1 == nil })?.0 else { return found.compactMap { $0 } }
        // Half of a layout is missed by the other half's name.
        let isPart = found.contains { $0 != nil }
        throw TrainerError(
            .inputOutput, "\(folder.path) has no \(isPart ? missing : "tokenizer.json")",
            expected: isPart
                ? "it beside \(names.first { $0 != missing } ?? "")"
                : "a folder with tokenizer.json, tokenizer.model, tekken.json, vocab.json and merges.txt, or vocab.txt")
    }
}
