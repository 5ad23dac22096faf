import Swage
import SwageText

extension ModelFamily {
    /// Ministral (Mistral AI, 2024): Mistral with windows in some layers.
    static let ministral = ModelFamily(
        name: "ministral", transformersClass: "MinistralForCausalLM",
        standards: [
            "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "max_position_embeddings": 131072, "sliding_window": 4096,
        ],
        layers: .typed(fullEvery: nil))

    /// Ministral 3 (Mistral AI, 2025): Mistral with stretched positions, and queries that grow with theirs.
    static let ministral3 = ModelFamily(
        name: "ministral3", transformersClass: "Ministral3ForCausalLM",
        standards: [
            "vocab_size": 131072, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 34, "num_attention_heads": 32,
            "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 262144, "rms_norm_eps": 1e-5,
            "rope_parameters": [
                "type": "yarn", "rope_theta": 1000000.0, "factor": 16.0, "original_max_position_embeddings": 16384, "beta_fast": 32.0,
                "beta_slow": 1.0, "mscale_all_dim": 1.0, "mscale": 1.0, "llama_4_scaling_beta": 0.1,
            ],
        ],
        layers: .sliding, rotary: RotaryRule(scalesQueries: true), gguf: GGUFFamily(architecture: "mistral3", interleavesRotaryPairs: true))
}
