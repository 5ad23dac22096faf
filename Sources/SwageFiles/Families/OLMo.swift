import Swage

extension [TensorRole: TensorName] {
    /// Each block is normalized behind it, and not before.
    fileprivate static let olmo: Self = .llama.with(.queryKeyNorms).with(
        [
            .postAttentionNorm: .init("post_attention_layernorm", "post_attention_norm"),
            .postFeedForwardNorm: .init("post_feedforward_layernorm", "post_ffw_norm"),
        ],
        without: [.inputNorm, .feedForwardNorm])
}

extension ModelFamily {
    /// OLMo 2 (OLMo team, 2025): norms behind the blocks, and of all queries and all keys at once.
    static let olmo2 = ModelFamily(
        name: "olmo2", transformersClass: "Olmo2ForCausalLM",
        standards: [
            "vocab_size": 50304, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
            "max_position_embeddings": 2048, "rms_norm_eps": 1e-5,
        ],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput])], queryKeyExtent: .wholeWidth, tensors: .olmo,
        gguf: GGUFFamily(architecture: "olmo2"))

    /// OLMoE (Muennighoff et al., 2024): norms before the blocks, and of all queries and all keys at once, with experts.
    static let olmoE = ModelFamily(
        name: "olmoe", transformersClass: "OlmoeForCausalLM",
        standards: [
            "vocab_size": 50304, "hidden_size": 2048, "intermediate_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 16,
            "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "num_experts_per_tok": 8, "num_experts": 64,
        ],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput])], queryKeyExtent: .wholeWidth, experts: ExpertRule(),
        tensors: .llama.with(.queryKeyNorms).with(.experts, without: [.gate, .up, .down]), gguf: GGUFFamily(architecture: "olmoe"))

    /// OLMo 3 (OLMo team, 2025): the same with windows in three of four layers.
    static let olmo3 = ModelFamily(
        name: "olmo3", transformersClass: "Olmo3ForCausalLM",
        standards: [
            "vocab_size": 50304, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
            "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "sliding_window": 4096, "rope_theta": 500000.0,
        ],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput])], queryKeyExtent: .wholeWidth, layers: .typed(fullEvery: 4),
        rotary: RotaryRule(kind: .byWindow(localKey: nil, localTheta: 500000)), tensors: .olmo,
        gguf: GGUFFamily(architecture: "olmo2", mark: "attention.sliding_window"))
}
