/// The families of models that the native engine knows: one line each.
enum FamilyRegistry {
    static let all: [ModelFamily] = [
        .llama,
        .mistral,
        .ministral,
        .ministral3,
        .qwen2,
        .qwen3,
        .smolLM3,
        .granite,
        .phi3,
        .olmo2,
        .olmo3,
        .gemma2,
        .gemma3,
        .stableLM,
        .glm4,
        .gpt2,
        .mixtral,
        .qwen3MoE,
        .olmoE,
        .gptOSS,
    ]

    /// The family that `config.json` calls so.
    static func family(named name: String) -> ModelFamily? { all.first { $0.name == name } }

    /// What GGUF calls those that it has.
    static var architectures: [String] { Set(all.compactMap(\.gguf?.architecture)).sorted() }

    /// The family of a GGUF file: of those that GGUF calls so, the one whose mark the file has, or else the one without a mark.
    static func family(ofArchitecture name: String, in file: GGUFFile) -> ModelFamily? {
        let named = all.filter { $0.gguf?.architecture == name }
        func isMarked(_ key: String) -> Bool { file.metadata["\(name).\(key)"]?.number ?? 0 > 0 }
        return named.first { $0.gguf?.mark.map(isMarked) ?? false } ?? named.first { $0.gguf?.mark == nil }
    }
}
