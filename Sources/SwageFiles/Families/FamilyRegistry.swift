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

    /// The family that a GGUF file calls so.
    static func family(ofArchitecture name: String) -> ModelFamily? { all.first { $0.gguf?.architecture == name } }
}
