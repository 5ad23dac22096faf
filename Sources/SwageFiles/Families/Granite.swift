import Swage

extension ModelFamily {
    /// Granite 3 (IBM, 2024): Llama with a factor at each place where sizes could drift.
    static let granite = ModelFamily(
        name: "granite", transformersClass: "GraniteForCausalLM",
        standards: [
            "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
            "max_position_embeddings": 2048, "attention_multiplier": 1.0,
        ],
        settings: [
            .init("embedding_multiplier", gguf: "embedding_scale", \.scales.embedding),
            .init("residual_multiplier", gguf: "residual_scale", \.scales.residual),
            .init("attention_multiplier", gguf: "attention.scale", \.scales.attention),
            .init("logits_scaling", gguf: "logit_scale", \.scales.logits),
        ],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput]), ("mlp_bias", .feedForward)],
        gguf: GGUFFamily(architecture: "granite", interleavesRotaryPairs: true))
}
