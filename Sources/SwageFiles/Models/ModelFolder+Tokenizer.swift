import Foundation
import Swage
import SwageText

extension ModelFolder {
    /// The tokenizer that the files of the folder define together.
    func tokenizer(template given: String?) throws -> TextTokenizer {
        let configuration = try json("tokenizer_config.json")
        for name in ["add_prefix_space", "split_special_tokens"] {
            let isDone = name == "add_prefix_space" && !has("tokenizer.json")
            if let field = configuration?[name], !isDone, try field.flag() { throw field.wrong("false", code: .unsupported) }
        }
        var (definition, end) = try definition(configuration)
        let template = try data("chat_template.jinja").map { String(decoding: $0, as: UTF8.self) }
        let own = try template ?? configuration?["chat_template"].flatMap(Self.standardTemplate)
        definition.chatTemplate = given ?? own
        // The tokenizer's own end token comes first: it is the one that ends a completion in training.
        var ends = [end].compactMap { $0 }
        for name in ["generation_config.json", "config.json"] {
            ends += try json(name)?["eos_token_id"].map { try TokenIDs($0).ids } ?? []
        }
        definition.endOfSequenceIDs = ends.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        return try TextTokenizer(definition)
    }

    /// The vocabulary with the tokens that are named beside it, and the one that ends a text.
    private func definition(_ configuration: JSONField?) throws -> (TextTokenizer.Definition, end: Int32?) {
        var definition: TextTokenizer.Definition
        var tokens: SpecialTokens
        func special(_ defaults: [String: String] = [:], own: [AddedToken] = [], known: [String] = []) throws -> SpecialTokens {
            try SpecialTokens(
                configuration, map: try json("special_tokens_map.json"), table: try json("added_tokens.json"), defaults: defaults, own: own,
                known: known)
        }
        if let data = try data("tokenizer.json") {
            definition = try TextTokenizer.Definition(tokenizerJSON: data, file: "\(path)/tokenizer.json")
            tokens = try special(known: definition.pipeline.addedContents.map(\.content))
            // Beside tokenizer.json, transformers reads neither add_bos_token nor add_eos_token: its post-processor says what is added.
            let added = try tokens.numbered(for: definition.pipeline, file: configuration?.file ?? path)
            definition.pipeline = try definition.pipeline.adding(added, file: path)
        } else {
            let vocabulary = try OlderVocabulary(self, configuration)
            definition = try TextTokenizer.Definition(vocabulary.document, file: vocabulary.file)
            let known = definition.pipeline.addedContents.map(\.content)
            tokens = try special(vocabulary.specialTokens, own: vocabulary.ownTokens, known: known)
            let added = try tokens.numbered(for: definition.pipeline, file: configuration?.file ?? path)
            definition.pipeline = try definition.pipeline.adding(added, file: path)
            let (before, after) = try vocabulary.around(configuration, tokens.named, definition.pipeline)
            definition.pipeline = try definition.pipeline.adding([], prefixIDs: before, suffixIDs: after, file: path)
        }
        definition.specialTokens = tokens.named
        return (definition, tokens.named["eos_token"].flatMap { definition.pipeline.id(of: $0) })
    }

    /// One template, or the one called `default` among several with names.
    private static func standardTemplate(_ field: JSONField) throws -> String? {
        guard field.value.list != nil else { return try field.text() }
        return try field.list().first { try $0.required("name").text() == "default" }?.required("template").text()
    }
}
