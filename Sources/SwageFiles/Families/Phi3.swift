import Swage

extension ModelFamily {
    /// Phi 3 and 4 (Abdin et al., 2024): Llama with joined projections, and frequencies of its own for long contexts.
    static let phi3 = ModelFamily(
        name: "phi3", transformersClass: "Phi3ForCausalLM",
        standards: [
            "vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32, "num_attention_heads": 32,
            "max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
        ],
        layers: .sliding, rotary: RotaryRule(isPartial: true, hasOwnYarn: true),
        tensors: .llama.with(
            [.queryKeyValue: .init("self_attn.qkv_proj", "attn_qkv"), .gateUp: .init("mlp.gate_up_proj", "ffn_up")],
            without: [.query, .key, .value, .gate, .up]),
        gguf: GGUFFamily(architecture: "phi3"))
}
