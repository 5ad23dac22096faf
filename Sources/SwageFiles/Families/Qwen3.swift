import Swage
import SwageText

extension ModelFamily {
    /// Qwen 3 (Yang et al., 2025): Qwen 2 with norms of queries and keys, head by head, in place of biases.
    static let qwen3 = ModelFamily(
        name: "qwen3", transformersClass: "Qwen3ForCausalLM",
        standards: [
            "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 32, "head_dim": 128, "max_position_embeddings": 32768, "sliding_window": 4096,
        ],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput])], layers: .switched,
        tensors: .llama.with(.queryKeyNorms), gguf: GGUFFamily(architecture: "qwen3"))
}
