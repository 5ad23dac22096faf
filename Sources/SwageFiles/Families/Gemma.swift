import Swage

extension [TensorRole: TensorName] {
    /// Each block is normalized before it and behind it.
    fileprivate static let gemma: Self = .llama.with([
        .postAttentionNorm: .init("post_attention_layernorm", "post_attention_norm"),
        .feedForwardNorm: .init("pre_feedforward_layernorm", "ffn_norm"),
        .postFeedForwardNorm: .init("post_feedforward_layernorm", "post_ffw_norm"),
    ])
}

extension ModelFamily {
    /// Gemma 2 (Gemma team, 2024): norms on both sides of a block, bounded scores and logits, windows in every other layer.
    static let gemma2 = ModelFamily(
        name: "gemma2", transformersClass: "Gemma2ForCausalLM",
        standards: [
            "vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
            "num_key_value_heads": 4, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 8192,
            "tie_word_embeddings": true, "query_pre_attn_scalar": 256, "sliding_window": 4096, "final_logit_softcapping": 30.0,
            "attn_logit_softcapping": 50.0,
        ],
        spelling: ["hidden_act": "hidden_activation"],
        settings: [
            .init("query_pre_attn_scalar", \.scales.queryScalar, .count),
            .init("attn_logit_softcapping", gguf: "attn_logit_softcapping", \.scales.attentionCap, .optional),
            .init("final_logit_softcapping", gguf: "final_logit_softcapping", \.scales.logitCap, .optional),
        ],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput])], norm: .rmsPlusOne, layers: .typed(fullEvery: 2), tensors: .gemma,
        gguf: GGUFFamily(architecture: "gemma2", addsOneToNorms: true) { takeQueryScalar(&$0, largest: 46) },
        embeddingScale: embeddingScale)

    /// The text of Gemma 3 (Gemma team, 2025): norms of queries and keys in place of bounds, and two rotary bases.
    static let gemma3 = ModelFamily(
        name: "gemma3_text", transformersClass: "Gemma3ForCausalLM",
        standards: [
            "vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
            "num_key_value_heads": 4, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 131072,
            "tie_word_embeddings": true, "query_pre_attn_scalar": 256, "sliding_window": 4096, "rope_theta": 1000000.0,
        ],
        spelling: ["hidden_act": "hidden_activation"],
        settings: [
            .init("query_pre_attn_scalar", \.scales.queryScalar, .count),
            .init("final_logit_softcapping", gguf: "final_logit_softcapping", \.scales.logitCap, .optional),
        ],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput])], norm: .rmsPlusOne,
        layers: .typed(fullEvery: 6, period: "sliding_window_pattern"),
        rotary: RotaryRule(kind: .byWindow(localKey: "rope_local_base_freq", localTheta: 10000)), tensors: .gemma.with(.queryKeyNorms),
        gguf: GGUFFamily(architecture: "gemma3", addsOneToNorms: true) { takeQueryScalar(&$0, largest: 62) },
        embeddingScale: embeddingScale)

    /// In single precision, as transformers has it.
    private static let embeddingScale: @Sendable (Int) -> Double = { Double(Float($0).squareRoot()) }

    /// GGUF does not say what a head's size is taken for: in the largest model, of so many layers, that is another number.
    private static func takeQueryScalar(_ model: inout ModelConfiguration, largest: Int) {
        model.scales.queryScalar = Double(model.layerCount == largest ? model.hiddenSize / model.headCount : model.headSize)
    }
}
