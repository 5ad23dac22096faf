import Foundation
import Swage

/// The parts of Hugging Face's `tokenizer.json` that define a byte-level BPE tokenizer.
///
/// What is not known is an error with the name of the part, so that no text is ever cut in a way the model
/// was not trained on.
struct TokenizerJSON: Codable {
    struct Added: Codable {
        var id: Int32
        var content: String
        var single_word: Bool?
        var lstrip: Bool?
        var rstrip: Bool?
        var normalized: Bool?
        var special: Bool?
    }

    struct Model: Codable {
        var type: String?
        var vocab: [String: Int32]
        var merges: Merges
        var ignore_merges: Bool?
        var byte_fallback: Bool?
    }

    /// Pairs, written either as `"a b"` or as `["a", "b"]`.
    struct Merges: Codable {
        var pairs: [(String, String)]

        init(pairs: [(String, String)]) { self.pairs = pairs }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let lines = try? container.decode([String].self) {
                pairs = try lines.map { line in
                    guard let space = line.firstIndex(of: " ") else {
                        throw DecodingError.dataCorruptedError(
                            in: container, debugDescription: "the merge \"\(line)\" has no space")
                    }
                    return (String(line[..<space]), String(line[line.index(after: space)...]))
                }
            } else {
                pairs = try container.decode([[String]].self).map { pair in
                    guard pair.count == 2 else {
                        throw DecodingError.dataCorruptedError(
                            in: container, debugDescription: "the merge \(pair) is not a pair")
                    }
                    return (pair[0], pair[1])
                }
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(pairs.map { [$0, $1] })
        }
    }

    /// A normalizer, pre-tokenizer, post-processor or decoder, or a `Sequence` of them.
    struct Component: Codable {
        struct Pattern: Codable { var Regex: String? }
        struct Piece: Codable {
            struct Reference: Codable {
                var id: String
                var type_id: Int?
            }
            var SpecialToken: Reference?
            var Sequence: Reference?
        }
        struct SpecialToken: Codable {
            var id: String
            var ids: [Int32]
            var tokens: [String]
        }

        var type: String
        var pretokenizers: [Component]?
        var normalizers: [Component]?
        var processors: [Component]?
        var individual_digits: Bool?
        var add_prefix_space: Bool?
        var trim_offsets: Bool?
        var use_regex: Bool?
        var pattern: Pattern?
        var behavior: String?
        var invert: Bool?
        var single: [Piece]?
        var pair: [Piece]?
        var special_tokens: [String: SpecialToken]?

        var flattened: [Component] {
            type == "Sequence"
                ? (pretokenizers ?? normalizers ?? processors ?? []).flatMap(\.flattened) : [self]
        }
    }

    var version: String?
    var added_tokens: [Added]?
    var normalizer: Component?
    var pre_tokenizer: Component?
    var post_processor: Component?
    var decoder: Component?
    var model: Model
}

extension BPETokenizer.Definition {
    /// Reads the content of a `tokenizer.json`.
    /// - Throws: ``TrainerError`` with code `corruptFile` or `unsupported`, naming the part.
    package init(tokenizerJSON data: Data) throws {
        let json: TokenizerJSON
        do {
            json = try JSONDecoder().decode(TokenizerJSON.self, from: data)
        } catch {
            throw TrainerError(.corruptFile, "tokenizer.json cannot be read: \(error.summary)")
        }
        guard json.model.type ?? "BPE" == "BPE", json.model.byte_fallback != true else {
            throw TrainerError(
                .unsupported, "tokenizer.json holds a \(json.model.type ?? "BPE") model with byte fallback",
                expected: "byte-level BPE, as GPT-2, Llama 3, SmolLM2 and Qwen use")
        }
        self.init(
            vocabulary: json.model.vocab, merges: json.model.merges.pairs,
            addedTokens: try (json.added_tokens ?? []).map(AddedToken.init),
            preTokenizer: PreTokenizer(steps: try Self.steps(json.pre_tokenizer)))
        ignoresMerges = json.model.ignore_merges ?? false
        for normalizer in json.normalizer?.flattened ?? [] {
            guard normalizer.type == "NFC" else { throw Self.unknown("normalizer", normalizer.type) }
            normalizesToNFC = true
        }
        for processor in json.post_processor?.flattened ?? [] {
            switch processor.type {
            case "ByteLevel": continue
            case "TemplateProcessing": try addSurroundings(processor)
            default: throw Self.unknown("post-processor", processor.type)
            }
        }
    }

    private static func unknown(_ part: String, _ found: String) -> TrainerError {
        TrainerError(
            .unsupported, "tokenizer.json has the \(part) \"\(found)\"",
            expected: "those of GPT-2, SmolLM2, Llama 3 or Qwen 2 and 3")
    }

    private static func steps(_ component: TokenizerJSON.Component?) throws -> [PreTokenizer.Step] {
        var steps: [PreTokenizer.Step] = []
        for step in component?.flattened ?? [] {
            switch step.type {
            case "Digits" where step.individual_digits == true:
                steps.append(.individualDigits)
            case "ByteLevel" where step.add_prefix_space != true:
                if step.use_regex ?? true { steps.append(.words(.gpt2)) }
            case "Split" where step.behavior == "Isolated" && step.invert != true:
                let source = step.pattern?.Regex ?? ""
                guard let known = WordPattern.regularExpressions.first(where: { $0.source == source }) else {
                    throw unknown("pre-tokenizer", "Split on \(source)")
                }
                steps.append(.words(known.pattern))
            default:
                throw unknown("pre-tokenizer", step.type)
            }
        }
        return steps
    }

    private mutating func addSurroundings(_ processor: TokenizerJSON.Component) throws {
        let pieces = processor.single ?? []
        guard let textIndex = pieces.firstIndex(where: { $0.Sequence != nil }) else { return }
        func ids(_ pieces: ArraySlice<TokenizerJSON.Component.Piece>) throws -> [Int32] {
            try pieces.flatMap { piece in
                guard let name = piece.SpecialToken?.id, let token = processor.special_tokens?[name] else {
                    throw TrainerError(
                        .corruptFile, "tokenizer.json's post-processor names a token that it does not define",
                        expected: "each of its tokens under special_tokens")
                }
                return token.ids
            }
        }
        prefixIDs = try ids(pieces[..<textIndex])
        suffixIDs = try ids(pieces[(textIndex + 1)...])
    }
}

extension AddedToken {
    fileprivate init(_ json: TokenizerJSON.Added) throws {
        guard json.single_word != true else {
            throw TrainerError(
                .unsupported, "tokenizer.json's added token \"\(json.content)\" matches single words only",
                expected: "added tokens that match anywhere")
        }
        self.init(
            id: json.id, content: json.content, isSpecial: json.special ?? false, stripsLeft: json.lstrip ?? false,
            stripsRight: json.rstrip ?? false)
    }
}
