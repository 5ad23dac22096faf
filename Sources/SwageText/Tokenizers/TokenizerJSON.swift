package import Foundation
import Swage

extension BPETokenizer.Definition {
    /// Reads the content of a `tokenizer.json`.
    ///
    /// What the `tokenizers` library would do otherwise than this library is an error with the name of the part, so that
    /// no text is ever cut in a way the model was not trained on.
    /// - Throws: ``TrainerError`` with code `corruptFile` or `unsupported`, naming the part.
    package init(tokenizerJSON data: Data, file: String = "tokenizer.json") throws {
        let json = try JSONField(json: data, file: file)
        let model = try json.required("model")
        try Self.refuseOtherModels(model)
        let vocabulary = try Self.vocabulary(try model.required("vocab"))
        self.init(
            vocabulary: vocabulary, merges: try Self.merges(try model.required("merges")),
            addedTokens: try (json["added_tokens"]?.list() ?? []).map(AddedToken.init),
            preTokenizer: PreTokenizer(steps: try PreTokenizer.steps(json["pre_tokenizer"], in: json)))
        ignoresMerges = try model["ignore_merges"]?.flag() ?? false
        for normalizer in try json["normalizer"]?.flattened("normalizers") ?? [] {
            let type = try normalizer.required("type")
            guard try type.text() == "NFC" else { throw type.wrong("NFC, or no normalizer", code: .unsupported) }
            normalizesToNFC = true
        }
        try readPostProcessors(json["post_processor"]?.flattened("processors") ?? [])
        try Self.checkDecoder(json)
        try checkAddedTokens(json)
    }

    /// Everything about a BPE model that changes its tokens and is not done here.
    private static func refuseOtherModels(_ model: JSONField) throws {
        if let type = model["type"], try type.text() != "BPE" {
            throw type.wrong("\"BPE\", in bytes, as GPT-2, Llama 3, SmolLM2 and Qwen have it", code: .unsupported)
        }
        if let dropout = model["dropout"], try dropout.number() != 0 { throw dropout.wrong("0 or null", code: .unsupported) }
        if let fallback = model["byte_fallback"], try fallback.flag() {
            throw TrainerError(
                .unsupported, "\(model.file): \"model.byte_fallback\" is true: the model is one with byte fallback",
                expected: "byte-level BPE, as GPT-2, Llama 3, SmolLM2 and Qwen use")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let field = model[key], try !field.text().isEmpty { throw field.wrong("null or an empty text", code: .unsupported) }
        }
        if let unknown = model["unk_token"] {
            let vocabulary = try model.required("vocab")
            // With a token for every byte, nothing is ever unknown.
            let spellings = Set(try vocabulary.object().keys.map(Spelling.init))
            guard ByteLevelAlphabet.scalars.allSatisfy({ spellings.contains(Spelling(text: String($0))) }) else {
                throw unknown.wrong("null, for the vocabulary lacks some bytes", code: .unsupported)
            }
        }
    }

    private static func vocabulary(_ field: JSONField) throws -> [String: Int32] {
        let members = try field.object().members
        var vocabulary: [String: Int32] = [:]
        vocabulary.reserveCapacity(members.count)
        var owners = [Int32: String](minimumCapacity: members.count)
        for (key, value) in members.map({ ($0.key, $0.value) }) {
            guard let id = value.number?.integer, id >= 0, let id = Int32(exactly: id) else {
                throw JSONField(value, file: field.file, key: "\(field.key).\(key)").wrong("an id of 0 or more")
            }
            if let other = owners.updateValue(key, forKey: id) {
                throw TrainerError(
                    .corruptFile, "\(field.file): \"\(field.key)\" gives the id \(id) to \"\(other)\" and to \"\(key)\"",
                    expected: "an id of its own for each")
            }
            guard vocabulary.updateValue(id, forKey: key) == nil else {
                throw TrainerError(
                    .unsupported, "\(field.file): \"\(field.key)\" has \"\(key)\" in two forms that Unicode calls equal",
                    expected: "a byte-level vocabulary")
            }
        }
        return vocabulary
    }

    /// Pairs, written either as `"a b"` or as `["a", "b"]`.
    private static func merges(_ field: JSONField) throws -> [(String, String)] {
        guard let list = field.value.list else { throw field.wrong("a list of pairs") }
        return try list.enumerated().compactMap { index, value in
            if value.text?.hasPrefix("#version") == true { return nil }
            let pair =
                value.text.map { $0.split(separator: " ", omittingEmptySubsequences: false).map(String.init) }
                ?? value.list?.compactMap(\.text) ?? []
            guard pair.count == 2, !pair[0].isEmpty, !pair[1].isEmpty else {
                throw JSONField(value, file: field.file, key: "\(field.key)[\(index)]").wrong("two texts, or one with a space between them")
            }
            return (pair[0], pair[1])
        }
    }

    private mutating func readPostProcessors(_ processors: [JSONField]) throws {
        for (index, processor) in processors.enumerated() {
            let type = try processor.required("type")
            switch try type.text() {
            case "ByteLevel": continue
            case "TemplateProcessing":
                let isSecond = try processors[..<index].contains { try $0.required("type").text() == "TemplateProcessing" }
                if isSecond { throw type.wrong("one template", code: .unsupported) }
                try addSurroundings(processor)
            default: throw type.wrong("ByteLevel or TemplateProcessing", code: .unsupported)
            }
        }
    }

    private mutating func addSurroundings(_ processor: JSONField) throws {
        let single = try processor.required("single")
        let pieces = try single.list()
        let texts = pieces.indices.filter { pieces[$0]["Sequence"] != nil }
        guard texts.count == 1, let textIndex = texts.first, try pieces[textIndex].required("Sequence").required("id").text() == "A" else {
            throw single.wrong("a template with the text $A once", code: .unsupported)
        }
        let known = processor["special_tokens"]
        func ids(_ pieces: ArraySlice<JSONField>) throws -> [Int32] {
            try pieces.flatMap { piece in
                let id = try piece.required("SpecialToken").required("id")
                guard let token = known?[try id.text()] else { throw id.wrong("a token that special_tokens defines") }
                return try TokenizerIDs(try token.required("ids")).ids
            }
        }
        prefixIDs = try ids(pieces[..<textIndex])
        suffixIDs = try ids(pieces[(textIndex + 1)...])
    }

    private static func checkDecoder(_ json: JSONField) throws {
        guard let decoder = json["decoder"] else {
            throw TrainerError(.unsupported, "\(json.file) has no decoder", expected: "the ByteLevel one")
        }
        let parts = try decoder.flattened("decoders")
        for part in parts where try part.required("type").text() != "ByteLevel" {
            throw try part.required("type").wrong("ByteLevel", code: .unsupported)
        }
        if parts.isEmpty { throw decoder.wrong("ByteLevel", code: .unsupported) }
    }

    /// The library numbers added tokens itself: those of the vocabulary as there, and the others after it.
    private func checkAddedTokens(_ json: JSONField) throws {
        var next = Int32(clamping: vocabulary.count)
        var seen = Set<Spelling>()
        for (index, token) in addedTokens.enumerated() where !token.content.isEmpty {
            let place = "\(json.file): \"added_tokens[\(index)]\", \"\(token.content)\","
            guard seen.insert(Spelling(text: token.content)).inserted else {
                throw TrainerError(.corruptFile, "\(place) is there twice", expected: "each token once")
            }
            let id = vocabulary[token.content] ?? next
            guard token.id == id else {
                throw TrainerError(.unsupported, "\(place) has the id \(token.id)", expected: "\(id), by which the tokenizers library counts it")
            }
            if vocabulary[token.content] == nil { next &+= 1 }
        }
        let strips = addedTokens.contains { $0.stripsLeft || $0.stripsRight }
        let spaced = addedTokens.first { $0.content.unicodeScalars.first?.properties.isWhitespace == true }
        if strips, let spaced {
            throw TrainerError(
                .unsupported, "\(json.file) has the added token \"\(spaced.content)\" and others that swallow white space", expected: "one of both")
        }
    }
}

extension PreTokenizer {
    /// The steps of a `pre_tokenizer`, the last of which spells bytes.
    fileprivate static func steps(_ component: JSONField?, in json: JSONField) throws -> [Step] {
        let parts = try component?.flattened("pretokenizers") ?? []
        guard let last = parts.last, try last.required("type").text() == "ByteLevel" else {
            throw try parts.last?.required("type").wrong("ByteLevel as the last step", code: .unsupported)
                ?? TrainerError(.unsupported, "\(json.file) has no pre_tokenizer", expected: "one that ends in ByteLevel")
        }
        var steps: [Step] = []
        for (index, part) in parts.enumerated() {
            let type = try part.required("type")
            switch try type.text() {
            case "Digits":
                guard try part["individual_digits"]?.flag() == true else {
                    throw (part["individual_digits"] ?? part).wrong("\"individual_digits\": true", code: .unsupported)
                }
                steps.append(.individualDigits)
            case "ByteLevel" where index == parts.count - 1:
                let prefix = try part.required("add_prefix_space")
                if try prefix.flag() { throw prefix.wrong("false", code: .unsupported) }
                if try part["use_regex"]?.flag() ?? true { steps.append(.words(.gpt2)) }
            case "Split":
                steps.append(.words(try word(part)))
            default:
                throw type.wrong("Digits, Split, and ByteLevel at the end", code: .unsupported)
            }
        }
        return steps
    }

    private static func word(_ split: JSONField) throws -> WordPattern {
        let behavior = try split.required("behavior")
        guard try behavior.text() == "Isolated" else { throw behavior.wrong("Isolated", code: .unsupported) }
        if let invert = split["invert"], try invert.flag() { throw invert.wrong("false", code: .unsupported) }
        let pattern = try split.required("pattern")
        guard let source = pattern["Regex"], let text = source.value.text,
            let known = WordPattern.regularExpressions.first(where: { $0.source.hasSameBytes(as: text) })
        else { throw (pattern["Regex"] ?? pattern).wrong("the regular expression of GPT-2, Llama 3 or Qwen 2", code: .unsupported) }
        return known.pattern
    }
}

extension JSONField {
    /// The component itself, or the components of a `Sequence`.
    fileprivate func flattened(_ parts: String) throws -> [JSONField] {
        guard try required("type").text() == "Sequence" else { return [self] }
        return try required(parts).list().flatMap { try $0.flattened(parts) }
    }
}

/// A list of ids.
private struct TokenizerIDs {
    let ids: [Int32]

    init(_ field: JSONField) throws { ids = try field.list().map { Int32(try $0.integer(0...Int(Int32.max))) } }
}

extension AddedToken {
    /// The most bytes that a token of this kind may have.
    private static let maximumBytes = 4096

    fileprivate init(_ field: JSONField) throws {
        let content = try field.required("content")
        guard try content.text().utf8.count <= Self.maximumBytes else { throw content.wrong("at most \(Self.maximumBytes) bytes") }
        if let word = field["single_word"], try word.flag() {
            throw TrainerError(
                .unsupported, "\(field.file): the added token \"\(try content.text())\" matches single words only",
                expected: "added tokens that match anywhere")
        }
        self.init(
            id: Int32(try field.required("id").integer(0...Int(Int32.max))), content: try content.text(),
            isSpecial: try field["special"]?.flag() ?? false, stripsLeft: try field["lstrip"]?.flag() ?? false,
            stripsRight: try field["rstrip"]?.flag() ?? false, isNormalized: try field["normalized"]?.flag() ?? true)
    }
}
