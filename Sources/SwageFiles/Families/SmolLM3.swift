import Swage

extension ModelFamily {
    /// SmolLM 3 (Hugging Face, 2025): Llama with layers that know no positions.
    static let smolLM3 = ModelFamily(
        name: "smollm3", transformersClass: "SmolLM3ForCausalLM",
        standards: [
            "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16,
            "num_key_value_heads": 4, "max_position_embeddings": 32768, "rope_theta": 2000000.0, "tie_word_embeddings": true,
        ],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput]), ("mlp_bias", .feedForward)],
        layers: .unturned, rotary: RotaryRule(kind: .skipping),
        gguf: GGUFFamily(architecture: "smollm3", interleavesRotaryPairs: true))
}
