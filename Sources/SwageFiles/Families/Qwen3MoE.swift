import Swage
import SwageText

extension ModelFamily {
    /// Qwen 3 with experts (Yang et al., 2025).
    static let qwen3MoE = ModelFamily(
        name: "qwen3_moe", transformersClass: "Qwen3MoeForCausalLM",
        standards: [
            "vocab_size": 151936, "hidden_size": 2048, "moe_intermediate_size": 768, "num_hidden_layers": 24, "num_attention_heads": 32,
            "num_key_value_heads": 4, "max_position_embeddings": 32768, "num_experts_per_tok": 8, "num_experts": 128,
        ],
        spelling: ["intermediate_size": "moe_intermediate_size", "num_experts": "num_local_experts"],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput])], experts: ExpertRule(),
        tensors: .llama.with(.queryKeyNorms).with(.experts, without: [.gate, .up, .down]),
        gguf: GGUFFamily(architecture: "qwen3moe", complete: { $0.experts.normalizes = true }),
        requirement: { _, fields in
            if let sliding = fields["use_sliding_window"], try sliding.flag() { throw sliding.wrong("false", code: .unsupported) }
            if let step = fields["decoder_sparse_step"], try step.number() != 1 { throw step.wrong("1", code: .unsupported) }
            if let dense = fields["mlp_only_layers"], try !dense.list().isEmpty { throw dense.wrong("an empty list", code: .unsupported) }
        })
}
