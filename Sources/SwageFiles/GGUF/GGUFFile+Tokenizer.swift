import Foundation
import Swage
import SwageText

extension TextTokenizer.Definition {
    /// Reads the tokenizer from a GGUF file's metadata.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported` for another kind of tokenizer.
    init(gguf: GGUFFile) throws {
        func unsupported(_ what: String, _ expected: String) -> TrainerError {
            TrainerError(.unsupported, "\(gguf.file.path): \(what)", expected: expected)
        }
        let model = try gguf.required("tokenizer.ggml.model", \.text)
        guard model == "gpt2" else {
            throw unsupported("the tokenizer is of kind \"\(model)\"", "\"gpt2\", which is byte-level BPE")
        }
        let name = try gguf.optional("tokenizer.ggml.pre", \.text) ?? "default"
        let known: [String: WordPattern] = [
            "default": .gpt2, "gpt-2": .gpt2, "smollm": .smolLM, "llama-bpe": .llama3, "llama3": .llama3,
            "llama-v3": .llama3, "qwen2": .qwen2,
        ]
        guard let words = known[name] else {
            throw unsupported("the pre-tokenizer is \"\(name)\"", "one of \(known.keys.sorted())")
        }

        func list<Value>(_ key: String, _ read: (GGUFValue) -> Value?) throws -> [Value]? {
            try gguf.optional(key, \.array)?.enumerated().map { index, value in
                guard let value = read(value) else { throw gguf.file.corrupt("\(key)[\(index)] is \(value.summary)") }
                return value
            }
        }
        guard let tokens = try list("tokenizer.ggml.tokens", \.text), let merges = try list("tokenizer.ggml.merges", \.text) else {
            throw gguf.file.corrupt("the metadata has no tokenizer.ggml.tokens or no tokenizer.ggml.merges", expected: "both")
        }
        let types = try list("tokenizer.ggml.token_type", \.integer) ?? []
        guard types.isEmpty || types.count == tokens.count else {
            throw gguf.file.corrupt("there are \(types.count) token types for \(tokens.count) tokens")
        }
        let (control, userDefined) = (3, 4)
        self.init(
            vocabulary: Dictionary(
                tokens.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first }),
            merges: try merges.enumerated().map { index, merge in
                guard let space = merge.dropFirst().firstIndex(of: " ") else {
                    throw gguf.file.corrupt("the merge \(index), \"\(merge)\", has no space")
                }
                return (String(merge[..<space]), String(merge[merge.index(after: space)...]))
            },
            addedTokens: types.enumerated().filter { $1 == control || $1 == userDefined }.map { id, type in
                AddedToken(id: Int32(id), content: tokens[id], isSpecial: type == control)
            },
            words: words)
        ignoresMerges = words == .llama3
        normalizesToNFC = words == .qwen2

        func id(_ key: String) throws -> Int32? {
            guard let id = try gguf.optional("tokenizer.ggml.\(key)", \.integer) else { return nil }
            guard tokens.indices.contains(id) else {
                throw gguf.file.corrupt("tokenizer.ggml.\(key) is \(id)", expected: "an id in 0..<\(tokens.count)")
            }
            return Int32(id)
        }
        endOfSequenceIDs = [try id("eos_token_id"), try id("eot_token_id")].compactMap { $0 }
            .reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        let addsBeginning = try gguf.optional("tokenizer.ggml.add_bos_token", \.flag) ?? (words == .llama3)
        if addsBeginning, let beginning = try id("bos_token_id") { prefixIDs = [beginning] }
        if try gguf.optional("tokenizer.ggml.add_eos_token", \.flag) == true, let end = try id("eos_token_id") { suffixIDs = [end] }
        if try gguf.optional("tokenizer.ggml.add_space_prefix", \.flag) == true {
            throw unsupported("tokenizer.ggml.add_space_prefix is true", "false")
        }
        for (name, key) in [("bos_token", "bos_token_id"), ("eos_token", "eos_token_id"), ("unk_token", "unknown_token_id"), ("pad_token", "padding_token_id")]
        {
            specialTokens[name] = try id(key).map { tokens[Int($0)] }
        }
        chatTemplate = try gguf.optional("tokenizer.chat_template", \.text)
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
        func content(_ id: Int32?) -> String? { tokenizer.addedTokens.first { $0.id == id }?.content }

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
            "tokenizer.json": tokenizer.tokenizerJSON(),
            "tokenizer_config.json": json(tokenizerConfig),
            "generation_config.json": json(generationConfig),
        ]
    }
}
