import Swage
import SwageText

extension ModelFamily {
    /// Mistral (Jiang et al., 2023): Llama with a window.
    static let mistral = ModelFamily(
        name: "mistral", transformersClass: "MistralForCausalLM",
        standards: [
            "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "max_position_embeddings": 131072, "sliding_window": 4096,
        ],
        layers: .sliding, gguf: GGUFFamily(architecture: "mistral"),
        requirement: { _, fields in
            if let bias = fields["attention_bias"], try bias.flag() {
                throw bias.wrong("false, for a mistral model has none", code: .unsupported)
            }
        })
}
