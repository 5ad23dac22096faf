import Foundation
import Swage

extension BPETokenizer.Definition {
    /// The content of a `tokenizer.json` that Hugging Face's libraries read as this tokenizer.
    package func tokenizerJSON() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(
            TokenizerJSON(
                version: "1.0",
                added_tokens: addedTokens.map(\.json),
                normalizer: normalizesToNFC ? .init(type: "NFC") : nil,
                pre_tokenizer: preTokenizer.json,
                post_processor: postProcessor,
                decoder: .byteLevel(usesRegex: true),
                model: .init(
                    type: "BPE", vocab: vocabulary, merges: .init(pairs: merges), ignore_merges: ignoresMerges,
                    byte_fallback: false)))
    }

    private var postProcessor: TokenizerJSON.Component {
        guard !prefixIDs.isEmpty || !suffixIDs.isEmpty else { return .byteLevel(usesRegex: true) }
        func content(_ id: Int32) -> String { addedTokens.first { $0.id == id }?.content ?? String(id) }
        func pieces(_ ids: [Int32]) -> [TokenizerJSON.Component.Piece] {
            ids.map { .init(SpecialToken: .init(id: content($0), type_id: 0)) }
        }
        func text(_ id: String, type: Int) -> [TokenizerJSON.Component.Piece] {
            pieces(prefixIDs) + [.init(Sequence: .init(id: id, type_id: type))] + pieces(suffixIDs)
        }
        var processor = TokenizerJSON.Component(type: "TemplateProcessing")
        processor.single = text("A", type: 0)
        processor.pair = text("A", type: 0) + text("B", type: 1)
        processor.special_tokens = Dictionary(
            uniqueKeysWithValues: Set(prefixIDs + suffixIDs).map {
                (content($0), .init(id: content($0), ids: [$0], tokens: [content($0)]))
            })
        return processor
    }
}

extension AddedToken {
    fileprivate var json: TokenizerJSON.Added {
        .init(
            id: id, content: content, single_word: false, lstrip: stripsLeft, rstrip: stripsRight, normalized: false,
            special: isSpecial)
    }
}

extension PreTokenizer {
    fileprivate var json: TokenizerJSON.Component {
        var components = steps.map(\.json)
        // The byte-level step is what spells pieces in the vocabulary's alphabet; one of them is always there.
        if components.last?.type != "ByteLevel" { components.append(.byteLevel(usesRegex: false)) }
        if components.count == 1 { return components[0] }
        var sequence = TokenizerJSON.Component(type: "Sequence")
        sequence.pretokenizers = components
        return sequence
    }
}

extension PreTokenizer.Step {
    fileprivate var json: TokenizerJSON.Component {
        switch self {
        case .individualDigits:
            var digits = TokenizerJSON.Component(type: "Digits")
            digits.individual_digits = true
            return digits
        case .words(.gpt2):
            return .byteLevel(usesRegex: true)
        case .words(let pattern):
            var split = TokenizerJSON.Component(type: "Split")
            split.pattern = .init(Regex: WordPattern.regularExpressions.first { $0.pattern == pattern }?.source)
            split.behavior = "Isolated"
            split.invert = false
            return split
        }
    }
}

extension TokenizerJSON.Component {
    fileprivate static func byteLevel(usesRegex: Bool) -> Self {
        var component = Self(type: "ByteLevel")
        component.add_prefix_space = false
        component.trim_offsets = true
        component.use_regex = usesRegex
        return component
    }
}
