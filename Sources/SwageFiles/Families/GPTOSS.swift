import Swage

extension ModelFamily {
    /// GPT-OSS (OpenAI, 2025): experts with biases, heads that may see nothing, windows in every other layer.
    static let gptOSS = ModelFamily(
        name: "gpt_oss", transformersClass: "GptOssForCausalLM",
        standards: [
            "vocab_size": 201088, "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 36, "num_attention_heads": 64,
            "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "sliding_window": 128,
            "rope_theta": 150000.0, "num_local_experts": 128, "num_experts_per_tok": 4, "swiglu_alpha": 1.702, "swiglu_limit": 7.0,
            "attention_bias": true,
            "rope_parameters": [
                "rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": false,
                "original_max_position_embeddings": 4096,
            ],
        ],
        spelling: ["num_experts": "num_local_experts"],
        settings: [.init("swiglu_alpha", \.scales.activationSlope), .init("swiglu_limit", \.scales.activationLimit)],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput])], fixedBiases: .experts, layers: .typed(fullEvery: 2),
        experts: ExpertRule(normalizes: true),
        tensors: .llama.with(
            [
                .sinks: .init("self_attn.sinks", "attn_sinks"), .router: .init("mlp.router", "ffn_gate_inp"),
                .feedForwardNorm: .init("post_attention_layernorm", "post_attention_norm"),
                .expertsGateUp: .init("mlp.experts.gate_up_proj", "ffn_gate_exps", and: "ffn_up_exps"),
                .expertsDown: .init("mlp.experts.down_proj", "ffn_down_exps"),
            ],
            without: [.gate, .up, .down]),
        gguf: GGUFFamily(architecture: "gpt-oss", truncatesYarn: false),
        activation: .clampedSilu)
}
