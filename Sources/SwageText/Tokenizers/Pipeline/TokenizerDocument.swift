import Swage

/// A tokenizer in the parts of a `tokenizer.json`: what other files are read as, and what is written for them.
package struct TokenizerDocument: Sendable {
    let model: TokenModel
    var normalizer: JSONValue?
    var preTokenizer: JSONValue?
    var decoder: JSONValue?
    /// The tokens that the file itself has beside those of its model.
    package var added: [AddedToken] = []

    /// - Parameter file: what errors name.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`.
    package func pipeline(prefixIDs: [Int32] = [], suffixIDs: [Int32] = [], file: String) throws -> TokenizerPipeline {
        func field(_ value: JSONValue?, _ key: String) -> JSONField? { value.map { JSONField($0, file: file, key: key) } }
        return try TokenizerPipeline(
            normalizers: try field(normalizer, "normalizer").map(TextNormalizer.read) ?? [],
            splitters: try field(preTokenizer, "pre_tokenizer").map(PieceSplitter.read) ?? [], model: model,
            decoders: try field(decoder, "decoder").map(TokenDecoder.read), added: added, prefixIDs: prefixIDs, suffixIDs: suffixIDs,
            file: file)
    }
}

/// The parts as `tokenizers` writes them.
extension JSONValue {
    static func component(_ type: String, _ fields: JSONObject = [:]) -> JSONValue {
        .object(JSONObject([.init(key: "type", value: .text(type))] + fields.members))
    }

    /// Several of one kind after each other; nil for none.
    static func sequence(_ key: String, _ parts: [JSONValue]) -> JSONValue? {
        parts.count < 2 ? parts.first : .component("Sequence", [key: .list(parts)])
    }

    static func byteLevel(addsPrefixSpace: Bool = false, splits: Bool) -> JSONValue {
        .component("ByteLevel", ["add_prefix_space": .flag(addsPrefixSpace), "trim_offsets": .flag(true), "use_regex": .flag(splits)])
    }

    static func split(_ expression: String) -> JSONValue {
        .component("Split", ["pattern": .object(["Regex": .text(expression)]), "behavior": .text("Isolated"), "invert": .flag(false)])
    }

    static func replace(_ text: String, with content: String) -> JSONValue {
        .component("Replace", ["pattern": .object(["String": .text(text)]), "content": .text(content)])
    }

    /// What makes text of pieces that mark their spaces.
    static func pieceDecoder(fallsBackToBytes: Bool = true, dropsFirstSpace: Bool) -> JSONValue? {
        var steps = [JSONValue.replace("▁", with: " ")]
        if fallsBackToBytes { steps += [.component("ByteFallback"), .component("Fuse")] }
        if dropsFirstSpace { steps.append(.component("Strip", ["content": .text(" "), "start": .number(1), "stop": .number(0)])) }
        return .component("Sequence", ["decoders": .list(steps)])
    }
}
