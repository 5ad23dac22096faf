import Swage
import SwageText

extension ModelFamily {
    /// Qwen 2 and 2.5 (Yang et al., 2024): Llama with biases of queries, keys and values, and windows in the upper layers.
    static let qwen2 = ModelFamily(
        name: "qwen2", transformersClass: "Qwen2ForCausalLM",
        standards: [
            "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 32, "max_position_embeddings": 32768, "sliding_window": 4096,
        ],
        fixedBiases: .queryKeyValue, layers: .switched, gguf: GGUFFamily(architecture: "qwen2"))
}
