package import Foundation
import Swage

extension TokenizerDocument {
    /// The content of a `tokenizer.json` that Hugging Face's libraries read as this tokenizer.
    /// - Parameter pipeline: what was made of it, with the tokens that are added, and that stand around every text.
    package func json(_ pipeline: TokenizerPipeline) -> Data {
        let added = pipeline.added.filter { !$0.content.isEmpty }.sorted { $0.id < $1.id }
        var json = JSONObject()
        json["version"] = .text("1.0")
        json["truncation"] = .null
        json["padding"] = .null
        json["added_tokens"] = .list(added.map(\.json))
        json["normalizer"] = normalizer ?? .null
        json["pre_tokenizer"] = preTokenizer ?? .null
        json["post_processor"] = postProcessor(pipeline) ?? .null
        json["decoder"] = decoder ?? .null
        // The library numbers added tokens from the end of the vocabulary on, and takes it for one of the vocabulary if it is not there.
        let within = added.filter { !model.table.contains($0.id) && Int($0.id) < model.table.idCount }
        json["model"] = .object(model.json(with: within))
        return Data(JSONValue.object(json).json.utf8)
    }

    private func postProcessor(_ pipeline: TokenizerPipeline) -> JSONValue? {
        let around = pipeline.prefixIDs + pipeline.suffixIDs
        if around.isEmpty { return nil }
        func content(_ id: Int32) -> String { pipeline.token(of: id) ?? String(id) }
        func pieces(_ ids: [Int32], type: Int) -> [JSONValue] {
            ids.map { .object(["SpecialToken": .object(["id": .text(content($0)), "type_id": .number(type)])]) }
        }
        func text(_ id: String, type: Int) -> [JSONValue] {
            pieces(pipeline.prefixIDs, type: type) + [.object(["Sequence": .object(["id": .text(id), "type_id": .number(type)])])]
                + pieces(pipeline.suffixIDs, type: type)
        }
        var tokens = JSONObject()
        for id in Set(around).sorted() {
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
            "id": .number(Int(id)), "content": .text(content), "single_word": .flag(isSingleWord), "lstrip": .flag(stripsLeft),
            "rstrip": .flag(stripsRight), "normalized": .flag(isNormalized), "special": .flag(isSpecial),
        ])
    }
}

extension TokenModel {
    /// - Parameter others: tokens that are not the model's, and have ids among its own.
    fileprivate func json(with others: [AddedToken]) -> JSONObject {
        var json = JSONObject()
        switch self {
        case .bytePairs(let model):
            json["type"] = .text("BPE")
            json["dropout"] = .null
            json["unk_token"] = model.settings.unknownToken.map { .text($0) } ?? .null
            json["continuing_subword_prefix"] = model.settings.continuingPrefix.map { .text($0) } ?? .null
            json["end_of_word_suffix"] = model.settings.endOfWordSuffix.map { .text($0) } ?? .null
            json["fuse_unk"] = .flag(model.settings.fusesUnknown)
            json["byte_fallback"] = .flag(model.settings.fallsBackToBytes)
            json["ignore_merges"] = .flag(model.settings.ignoresMerges)
            json["vocab"] = vocabulary(with: others)
            let spellings = (0..<Int32(table.idCount)).map { JSONValue.text(table.spelling(of: $0) ?? "") }
            json["merges"] = .list(model.merges.ordered.map { .list([spellings[Int($0.left)], spellings[Int($0.right)]]) })
        case .unigram(let model):
            json["type"] = .text("Unigram")
            json["unk_id"] = model.unknownID.map { .number(Int($0)) } ?? .null
            json["vocab"] = .list(
                model.scores.enumerated().map {
                    .list([.text(table.spelling(of: Int32($0)) ?? ""), .number(JSONNumber(literal: "\($1)"))])
                })
            json["byte_fallback"] = .flag(model.fallsBackToBytes)
        case .wordPiece(let model):
            json["type"] = .text("WordPiece")
            json["unk_token"] = .text(model.unknownToken)
            json["continuing_subword_prefix"] = .text(String(decoding: model.prefix, as: UTF8.self))
            json["max_input_chars_per_word"] = .number(model.longestWord)
            json["vocab"] = vocabulary(with: others)
        case .wordLevel(let model):
            json["type"] = .text("WordLevel")
            json["vocab"] = vocabulary(with: others)
            json["unk_token"] = .text(model.unknownToken)
        // No document has one of these: what llama.cpp does is written as what comes closest.
        case .scoredPairs, .markedWords: break
        }
        return json
    }

    private func vocabulary(with others: [AddedToken]) -> JSONValue {
        var members = others.map { (id: $0.id, content: $0.content) }
        for id in 0..<Int32(table.idCount) {
            guard let spelling = table.bytes(of: id), table.id(of: spelling) == id else { continue }
            members.append((id, String(decoding: spelling, as: UTF8.self)))
        }
        members.sort { $0.id < $1.id }
        return .object(JSONObject(members.map { .init(key: $0.content, value: .number(Int($0.id))) }))
    }
}
