import Swage

extension ModelFamily {
    /// GLM 4 of 2025 (Zhipu AI): norms on both sides of a block, and neighbors that turn together.
    static let glm4 = ModelFamily(
        name: "glm4", transformersClass: "Glm4ForCausalLM",
        standards: [
            "vocab_size": 151552, "hidden_size": 4096, "intermediate_size": 13696, "num_hidden_layers": 40, "num_attention_heads": 32,
            "num_key_value_heads": 2, "head_dim": 128, "max_position_embeddings": 131072, "rms_norm_eps": 1.5625e-7,
            "partial_rotary_factor": 0.5, "attention_bias": true,
        ],
        biasKeys: [("attention_bias", .queryKeyValue)], rotary: RotaryRule(pairs: .neighbors, isPartial: true),
        tensors: .llama.with(
            [
                .postAttentionNorm: .init("post_self_attn_layernorm", "post_attention_norm"),
                .gateUp: .init("mlp.gate_up_proj", "ffn_up"), .postFeedForwardNorm: .init("post_mlp_layernorm", "post_ffw_norm"),
            ],
            without: [.gate, .up]),
        gguf: GGUFFamily(architecture: "glm4"))
}
