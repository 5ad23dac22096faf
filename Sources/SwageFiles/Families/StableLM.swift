import Swage
import SwageText

extension ModelFamily {
    /// StableLM (Bellagente et al., 2024): Llama with layer norms, and a part of each head turning.
    static let stableLM = ModelFamily(
        name: "stablelm", transformersClass: "StableLmForCausalLM",
        standards: [
            "vocab_size": 50304, "hidden_size": 2560, "intermediate_size": 6912, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 32, "max_position_embeddings": 4096, "layer_norm_eps": 1e-5, "partial_rotary_factor": 0.25,
        ],
        spelling: ["rms_norm_eps": "layer_norm_eps"], biasKeys: [("use_qkv_bias", .queryKeyValue)], norm: .layer,
        rotary: RotaryRule(isPartial: true), gguf: GGUFFamily(architecture: "stablelm"),
        requirement: { _, fields in
            for key in ["use_parallel_residual", "qk_layernorm"] {
                if let field = fields[key], try field.flag() { throw field.wrong("false", code: .unsupported) }
            }
        })
}
