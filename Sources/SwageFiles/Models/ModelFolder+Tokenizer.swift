import Foundation
import Swage
import SwageText

extension ModelFolder {
    /// The tokenizer that `tokenizer.json`, `tokenizer_config.json` and `generation_config.json` define together.
    func tokenizer(template given: String?) throws -> TextTokenizer {
        var definition = try TextTokenizer.Definition(tokenizerJSON: try required("tokenizer.json"), file: "\(path)/tokenizer.json")
        let configuration = try json("tokenizer_config.json")
        let template = try data("chat_template.jinja").map { String(decoding: $0, as: UTF8.self) }
        let own = try template ?? configuration?["chat_template"].flatMap(Self.standardTemplate)
        definition.chatTemplate = given ?? own

        // The tokenizer's own end token comes first: it is the one that ends a completion in training.
        var ends: [Int32] = []
        if let configuration { ends += try definition.apply(configuration) }
        for name in ["generation_config.json", "config.json"] {
            ends += try json(name)?["eos_token_id"].map { try TokenIDs($0).ids } ?? []
        }
        definition.endOfSequenceIDs = ends.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        return try TextTokenizer(definition)
    }

    /// One template, or the one called `default` among several with names.
    private static func standardTemplate(_ field: JSONField) throws -> String? {
        guard field.value.list != nil else { return try field.text() }
        return try field.list().first { try $0.required("name").text() == "default" }?.required("template").text()
    }
}

extension TextTokenizer.Definition {
    /// Takes over what `tokenizer_config.json` adds to `tokenizer.json`.
    /// - Returns: the id of the token that ends a text, where the file names one.
    fileprivate mutating func apply(_ configuration: JSONField) throws -> [Int32] {
        let present = pipeline?.addedContents ?? addedTokens.map { ($0.id, $0.content) }
        var known = Set(present.map { Spelling(text: $0.content) })
        var next = max(Int32(clamping: pipeline?.idCount ?? vocabulary.count), present.map { $0.id &+ 1 }.max() ?? 0)
        var further: [AddedToken] = []
        func add(_ token: AddedToken, _ field: JSONField) throws {
            guard !token.content.isEmpty, known.insert(Spelling(text: token.content)).inserted else { return }
            further.append(try numbered(token, field, next: next))
            if further.last?.id == next { next &+= 1 }
        }
        for (key, field) in try configuration["added_tokens_decoder"]?.members() ?? [] {
            try add(AddedToken(field, id: Int32(key)), field)
        }
        for key in Self.specialNames {
            guard let field = configuration[key] else { continue }
            try add(AddedToken(content: try Self.content(field), isSpecial: true), field)
        }
        for field in try configuration["additional_special_tokens"]?.list() ?? [] {
            try add(AddedToken(content: try Self.content(field), isSpecial: true), field)
        }
        if let pipeline {
            self.pipeline = try pipeline.adding(further, file: configuration.file)
        } else {
            addedTokens += further
        }
        let end = try configuration["eos_token"].flatMap { id(of: try Self.content($0)) }
        for key in Self.specialNames { specialTokens[key] = try configuration[key].map(Self.content) }
        // Beside tokenizer.json, transformers reads neither add_bos_token nor add_eos_token: its post-processor says what is added.
        if let field = configuration["add_prefix_space"], try field.flag() { throw field.wrong("false", code: .unsupported) }
        if let field = configuration["split_special_tokens"], try field.flag() { throw field.wrong("false", code: .unsupported) }
        return [end].compactMap { $0 }
    }

    private static let specialNames = ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"]

    private func id(of content: String) -> Int32? {
        if let pipeline { return pipeline.id(of: content) }
        return addedTokens.first { $0.content.hasSameBytes(as: content) }?.id ?? vocabulary[content]
    }

    /// A token as text, or as an object with its content.
    private static func content(_ field: JSONField) throws -> String {
        try field.value.object == nil ? field.text() : field.required("content").text()
    }

    /// A token that `tokenizer.json` does not count among the added ones, under the vocabulary's id, or the next one.
    private func numbered(_ token: AddedToken, _ field: JSONField, next: Int32) throws -> AddedToken {
        let id = (pipeline?.vocabularyID(of: token.content) ?? vocabulary[token.content]) ?? next
        guard token.id == id || token.id < 0 else {
            throw TrainerError(
                .unsupported, "\(field.file): \"\(field.key)\" is the token \"\(token.content)\"",
                expected: "the id \(id), by which the tokenizers library counts it")
        }
        var token = token
        token.id = id
        return token
    }
}

extension AddedToken {
    /// - Parameter id: -1 for the one that the vocabulary has.
    fileprivate init(content: String, isSpecial: Bool) { self.init(id: -1, content: content, isSpecial: isSpecial) }

    fileprivate init(_ field: JSONField, id: Int32?) throws {
        self.init(
            id: id ?? -1, content: try field.required("content").text(), isSpecial: try field["special"]?.flag() ?? false,
            stripsLeft: try field["lstrip"]?.flag() ?? false, stripsRight: try field["rstrip"]?.flag() ?? false,
            isNormalized: try field["normalized"]?.flag() ?? true)
        if let word = field["single_word"], try word.flag() { throw word.wrong("false", code: .unsupported) }
    }
}
