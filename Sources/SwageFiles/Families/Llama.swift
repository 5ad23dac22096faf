import Swage
import SwageText

extension ModelFamily {
    /// Llama (Touvron et al., 2023), and what is built like it.
    static let llama = ModelFamily(
        name: "llama", transformersClass: "LlamaForCausalLM",
        standards: [
            "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
            "max_position_embeddings": 2048,
        ],
        biasKeys: [("attention_bias", [.queryKeyValue, .attentionOutput]), ("mlp_bias", .feedForward)],
        rotary: RotaryRule(isPartial: true), gguf: GGUFFamily(architecture: "llama", interleavesRotaryPairs: true),
        requirement: { model, fields in
            // transformers asks the same of these alone.
            guard model.hiddenSize % model.headCount == 0 else {
                throw try fields.required("hidden_size").wrong("a multiple of the \(model.headCount) heads of \"num_attention_heads\"")
            }
        })
}
