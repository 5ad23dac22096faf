package import Foundation
import Swage

extension TextTokenizer.Definition {
    /// The content of a `tokenizer.json` that Hugging Face's libraries read as this tokenizer.
    package func tokenizerJSON() -> Data {
        if let file { return file }
        var model = JSONObject()
        model["type"] = .text("BPE")
        model["byte_fallback"] = .flag(false)
        model["ignore_merges"] = .flag(ignoresMerges)
        let ordered = vocabulary.sorted { $0.value < $1.value }
        model["vocab"] = .object(JSONObject(ordered.map { .init(key: $0.key, value: .number(Int($0.value))) }))
        model["merges"] = .list(merges.map { .list([.text($0), .text($1)]) })

        var json = JSONObject()
        json["version"] = .text("1.0")
        json["added_tokens"] = .list(addedTokens.map(\.json))
        if normalizesToNFC { json["normalizer"] = .component("NFC") }
        json["pre_tokenizer"] = words.json
        json["post_processor"] = postProcessor
        json["decoder"] = .byteLevel(usesRegex: true)
        json["model"] = .object(model)
        return Data(JSONValue.object(json).json.utf8)
    }

    private var postProcessor: JSONValue {
        guard !prefixIDs.isEmpty || !suffixIDs.isEmpty else { return .byteLevel(usesRegex: true) }
        func content(_ id: Int32) -> String {
            addedTokens.first { $0.id == id }?.content ?? vocabulary.first { $0.value == id }?.key ?? String(id)
        }
        func pieces(_ ids: [Int32]) -> [JSONValue] {
            ids.map { .object(["SpecialToken": .object(["id": .text(content($0)), "type_id": .number(0)])]) }
        }
        func text(_ id: String, type: Int) -> [JSONValue] {
            pieces(prefixIDs) + [.object(["Sequence": .object(["id": .text(id), "type_id": .number(type)])])] + pieces(suffixIDs)
        }
        var tokens = JSONObject()
        for id in Set(prefixIDs + suffixIDs).sorted() {
            tokens[content(id)] = .object([
                "id": .text(content(id)), "ids": .list([.number(Int(id))]), "tokens": .list([.text(content(id))]),
            ])
        }
        return .component(
            "TemplateProcessing",
            [
                "single": .list(text("A", type: 0)), "pair": .list(text("A", type: 0) + text("B", type: 1)),
                "special_tokens": .object(tokens),
            ])
    }
}

extension AddedToken {
    fileprivate var json: JSONValue {
        .object([
            "id": .number(Int(id)), "content": .text(content), "single_word": .flag(false), "lstrip": .flag(stripsLeft),
            "rstrip": .flag(stripsRight), "normalized": .flag(isNormalized), "special": .flag(isSpecial),
        ])
    }
}

extension WordPattern {
    /// The steps that cut text. The byte-level one is what spells pieces in the vocabulary's alphabet; it is always at the end.
    fileprivate var json: JSONValue {
        switch self {
        case .gpt2: .byteLevel(usesRegex: true)
        case .smolLM:
            .component(
                "Sequence",
                ["pretokenizers": .list([.component("Digits", ["individual_digits": .flag(true)]), .byteLevel(usesRegex: true)])])
        case .llama3, .qwen2:
            .component(
                "Sequence",
                [
                    "pretokenizers": .list([
                        .component(
                            "Split",
                            ["pattern": .object(["Regex": .text(source)]), "behavior": .text("Isolated"), "invert": .flag(false)]),
                        .byteLevel(usesRegex: false),
                    ])
                ])
        }
    }
}

extension JSONValue {
    fileprivate static func component(_ type: String, _ fields: JSONObject = [:]) -> JSONValue {
        .object(JSONObject([.init(key: "type", value: .text(type))] + fields.members))
    }

    fileprivate static func byteLevel(usesRegex: Bool) -> JSONValue {
        .component("ByteLevel", ["add_prefix_space": .flag(false), "trim_offsets": .flag(true), "use_regex": .flag(usesRegex)])
    }
}
