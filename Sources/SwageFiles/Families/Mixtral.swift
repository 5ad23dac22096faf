import Swage

extension ModelFamily {
    /// Mixtral (Jiang et al., 2024): Mistral with experts.
    static let mixtral = ModelFamily(
        name: "mixtral", transformersClass: "MixtralForCausalLM",
        standards: [
            "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 1000000.0,
            "num_experts_per_tok": 2, "num_local_experts": 8,
        ],
        spelling: ["num_experts": "num_local_experts"], layers: .sliding, experts: ExpertRule(normalizes: true),
        tensors: .llama.with(
            [
                .router: .init("block_sparse_moe.gate", "ffn_gate_inp"),
                .expertGate: .init("block_sparse_moe.experts.{expert}.w1", "ffn_gate_exps"),
                .expertUp: .init("block_sparse_moe.experts.{expert}.w3", "ffn_up_exps"),
                .expertDown: .init("block_sparse_moe.experts.{expert}.w2", "ffn_down_exps"),
            ],
            without: [.gate, .up, .down]),
        gguf: GGUFFamily(architecture: "llama", mark: "expert_count", interleavesRotaryPairs: true))
}
