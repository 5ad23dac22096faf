import Foundation
import Swage
import SwageText

extension TextTokenizer.Definition {
    /// Reads the tokenizer from a GGUF file's metadata, as llama.cpp does.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported` for another kind of tokenizer.
    init(gguf: GGUFFile) throws {
        let vocabulary = try gguf.vocabulary()
        func id(_ key: String) throws -> Int32? {
            guard let id = try gguf.optional("tokenizer.ggml.\(key)", \.integer) else { return nil }
            guard vocabulary.tokens.indices.contains(id) else {
                throw gguf.file.corrupt("tokenizer.ggml.\(key) is \(id)", expected: "an id in 0..<\(vocabulary.tokens.count)")
            }
            return Int32(id)
        }
        func around(_ flag: String, _ key: String, standard: Bool, _ other: Int32?) throws -> [Int32] {
            guard try gguf.optional("tokenizer.ggml.\(flag)", \.flag) ?? standard else { return [] }
            return [try id(key) ?? other].compactMap { $0 }.filter { vocabulary.tokens.indices.contains(Int($0)) }
        }
        let isBERT = vocabulary.model == .bert
        // What llama.cpp takes where a file names no token.
        let standard: (beginning: Int32?, end: Int32?) =
            switch vocabulary.model {
            case .llama: (1, 2)
            case .t5: (nil, 1)
            case .bert: (101, 102)
            case .gpt2: (nil, nil)
            }
        try self.init(
            vocabulary,
            prefixIDs: try around("add_bos_token", "bos_token_id", standard: vocabulary.addsBeginning, standard.beginning),
            suffixIDs: isBERT
                ? try around("add_sep_token", "seperator_token_id", standard: true, standard.end)
                : try around("add_eos_token", "eos_token_id", standard: vocabulary.addsEnd, standard.end))
        endOfSequenceIDs = [try id("eos_token_id"), try id("eot_token_id")].compactMap { $0 }
            .reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        let keys = [
            ("bos_token", "bos_token_id"), ("eos_token", "eos_token_id"), ("unk_token", "unknown_token_id"), ("pad_token", "padding_token_id"),
        ]
        for (name, key) in keys { specialTokens[name] = try id(key).map { vocabulary.tokens[Int($0)] } }
        chatTemplate = try gguf.optional("tokenizer.chat_template", \.text)
    }
}

extension GGUFFile {
    /// The vocabulary in the metadata.
    fileprivate func vocabulary() throws -> GGUFVocabulary {
        let name = try required("tokenizer.ggml.model", \.text)
        guard let model = GGUFVocabulary.Model(rawValue: name) else {
            throw TrainerError(
                .unsupported, "\(file.path): the tokenizer is of kind \"\(name)\"",
                expected: "one of \(GGUFVocabulary.Model.allCases.map(\.rawValue))")
        }
        func list<Value>(_ key: String, _ read: (GGUFValue) -> Value?) throws -> [Value]? {
            try optional("tokenizer.ggml.\(key)", \.array)?.enumerated().map { index, value in
                guard let value = read(value) else { throw file.corrupt("tokenizer.ggml.\(key)[\(index)] is \(value.summary)") }
                return value
            }
        }
        guard let tokens = try list("tokens", \.text) else {
            throw file.corrupt("the metadata has no tokenizer.ggml.tokens", expected: "it")
        }
        var vocabulary = GGUFVocabulary(model, tokens: tokens, file: file.path)
        vocabulary.kinds = try (list("token_type", \.integer) ?? []).map { GGUFVocabulary.Kind(rawValue: $0) ?? .normal }
        vocabulary.scores = try (list("scores", \.number) ?? []).map { Float($0) }
        if model == .gpt2 {
            guard let merges = try list("merges", \.text) else {
                throw file.corrupt("the metadata has no tokenizer.ggml.merges", expected: "it")
            }
            vocabulary.merges = merges
            vocabulary.preTokenizer = try optional("tokenizer.ggml.pre", \.text) ?? "default"
            if try optional("tokenizer.ggml.add_space_prefix", \.flag) == true {
                throw TrainerError(.unsupported, "\(file.path): tokenizer.ggml.add_space_prefix is true", expected: "false")
            }
        }
        if let flag = try optional("tokenizer.ggml.add_space_prefix", \.flag) { vocabulary.addsSpacePrefix = flag }
        if let flag = try optional("tokenizer.ggml.remove_extra_whitespaces", \.flag) { vocabulary.removesExtraSpaces = flag }
        vocabulary.characterMap = try (list("precompiled_charsmap", \.integer) ?? []).map { UInt8(truncatingIfNeeded: $0) }
        let unknown = try optional("tokenizer.ggml.unknown_token_id", \.integer).flatMap { Int32(exactly: $0) }
        vocabulary.unknownID = unknown ?? vocabulary.unknownID
        return vocabulary
    }
}

extension ModelFiles {
    /// The small files of a Hugging Face folder, made from what a GGUF file says.
    static func companions(
        _ configuration: ModelConfiguration, _ tokenizer: TextTokenizer.Definition?, _ file: GGUFFile
    ) throws -> [String: Data] {
        guard let tokenizer else {
            return ["config.json": configuration.configJSON(beginningID: nil, endIDs: [])]
        }
        func id(_ key: String) -> Int32? {
            guard let id = file.metadata["tokenizer.ggml.\(key)"]?.integer else { return nil }
            return Int32(exactly: id)
        }
        let (beginning, padding) = (id("bos_token_id"), id("padding_token_id"))
        let ends = tokenizer.endOfSequenceIDs
        func content(_ id: Int32?) -> String? { id.flatMap { id in tokenizer.pipeline.addedContents.first { $0.id == id }?.content } }

        var tokenizerConfig = JSONObject()
        tokenizerConfig["tokenizer_class"] = .text("PreTrainedTokenizerFast")
        tokenizerConfig["model_max_length"] = .number(configuration.contextLength)
        tokenizerConfig["clean_up_tokenization_spaces"] = .flag(false)
        tokenizerConfig["bos_token"] = content(beginning).map { .text($0) }
        tokenizerConfig["eos_token"] = content(ends.first).map { .text($0) }
        tokenizerConfig["pad_token"] = content(padding).map { .text($0) }
        tokenizerConfig["chat_template"] = file.metadata["tokenizer.chat_template"]?.text.map { .text($0) }
        var generationConfig = JSONObject()
        generationConfig["bos_token_id"] = beginning.map { .number(Int($0)) }
        generationConfig["pad_token_id"] = padding.map { .number(Int($0)) }
        generationConfig["eos_token_id"] = .list(ends.map { .number(Int($0)) })
        func json(_ object: JSONObject) -> Data { Data(JSONValue.object(object).indentedJSON.utf8) }
        return [
            "config.json": configuration.configJSON(beginningID: beginning, endIDs: ends),
            "tokenizer.json": try tokenizer.tokenizerJSON(),
            "tokenizer_config.json": json(tokenizerConfig),
            "generation_config.json": json(generationConfig),
        ]
    }
}
