import Foundation
import Swage
import SwageText

extension BPETokenizer.Definition {
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
        let name = gguf.metadata["tokenizer.ggml.pre"]?.text ?? "default"
        let known: [String: PreTokenizer] = [
            "default": .gpt2, "gpt-2": .gpt2, "smollm": .smolLM, "llama-bpe": .llama3, "llama3": .llama3,
            "llama-v3": .llama3, "qwen2": .qwen2,
        ]
        guard let preTokenizer = known[name] else {
            throw unsupported("the pre-tokenizer is \"\(name)\"", "one of \(known.keys.sorted())")
        }

        let tokens = try gguf.required("tokenizer.ggml.tokens", \.array).map { $0.text ?? "" }
        let merges = try gguf.required("tokenizer.ggml.merges", \.array).map { $0.text ?? "" }
        let types = gguf.metadata["tokenizer.ggml.token_type"]?.array?.map { $0.integer ?? 0 } ?? []
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
            preTokenizer: preTokenizer)
        ignoresMerges = preTokenizer == .llama3
        normalizesToNFC = preTokenizer == .qwen2

        func id(_ key: String) throws -> Int32? {
            guard let id = gguf.metadata["tokenizer.ggml.\(key)"]?.integer else { return nil }
            guard tokens.indices.contains(id) else {
                throw gguf.file.corrupt("tokenizer.ggml.\(key) is \(id)", expected: "an id in 0..<\(tokens.count)")
            }
            return Int32(id)
        }
        endOfSequenceIDs = [try id("eos_token_id"), try id("eot_token_id")].compactMap { $0 }
            .reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        let addsBeginning = gguf.metadata["tokenizer.ggml.add_bos_token"]?.flag ?? (preTokenizer == .llama3)
        if addsBeginning, let beginning = try id("bos_token_id") { prefixIDs = [beginning] }
        chatTemplate = gguf.metadata["tokenizer.chat_template"]?.text
    }
}

extension ModelFiles {
    /// The small files of a Hugging Face folder, made from what a GGUF file says.
    static func companions(
        _ configuration: ModelConfiguration, _ tokenizer: BPETokenizer.Definition?, _ file: GGUFFile
    ) throws -> [String: Data] {
        guard let tokenizer else {
            return ["config.json": try configuration.configJSON(beginningID: nil, endIDs: [])]
        }
        func id(_ key: String) -> Int32? {
            guard let id = file.metadata["tokenizer.ggml.\(key)"]?.integer else { return nil }
            return Int32(exactly: id)
        }
        let (beginning, padding) = (id("bos_token_id"), id("padding_token_id"))
        let ends = tokenizer.endOfSequenceIDs
        func content(_ id: Int32?) -> String? { tokenizer.addedTokens.first { $0.id == id }?.content }

        var tokenizerConfig: [String: Any] = [
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": configuration.contextLength,
            "clean_up_tokenization_spaces": false,
        ]
        tokenizerConfig["bos_token"] = content(beginning)
        tokenizerConfig["eos_token"] = content(ends.first)
        tokenizerConfig["pad_token"] = content(padding)
        tokenizerConfig["chat_template"] = file.metadata["tokenizer.chat_template"]?.text
        var generationConfig: [String: Any] = [:]
        generationConfig["bos_token_id"] = beginning.map { Int($0) }
        generationConfig["pad_token_id"] = padding.map { Int($0) }
        generationConfig["eos_token_id"] = ends.map { Int($0) }
        func json(_ object: [String: Any]) throws -> Data {
            try JSONSerialization.data(
                withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        }
        return [
            "config.json": try configuration.configJSON(beginningID: beginning, endIDs: ends),
            "tokenizer.json": try tokenizer.tokenizerJSON(),
            "tokenizer_config.json": try json(tokenizerConfig),
            "generation_config.json": try json(generationConfig),
        ]
    }
}
