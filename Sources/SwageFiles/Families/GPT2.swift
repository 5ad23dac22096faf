import Swage
import SwageText

extension ModelFamily {
    /// GPT-2 (Radford et al., 2019): learned positions, layer norms, and matrices stored the other way round.
    static let gpt2 = ModelFamily(
        name: "gpt2", transformersClass: "GPT2LMHeadModel",
        standards: [
            "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12, "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5, "tie_word_embeddings": true,
        ],
        spelling: [
            "hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "max_position_embeddings": "n_positions",
            "intermediate_size": "n_inner", "hidden_act": "activation_function", "rms_norm_eps": "layer_norm_epsilon",
        ],
        fixedBiases: [.queryKeyValue, .attentionOutput, .feedForward], norm: .layer, rotary: RotaryRule(kind: .none),
        tensors: [
            .embedding: .init("transformer.wte", "token_embd"), .positions: .init("transformer.wpe", "position_embd"),
            .finalNorm: .init("transformer.ln_f", "output_norm"), .head: .init("lm_head", "output"), .inputNorm: .init("ln_1", "attn_norm"),
            .queryKeyValue: .init("attn.c_attn", "attn_qkv"), .attentionOutput: .init("attn.c_proj", "attn_output"),
            .feedForwardNorm: .init("ln_2", "ffn_norm"), .up: .init("mlp.c_fc", "ffn_up"), .down: .init("mlp.c_proj", "ffn_down"),
        ],
        layerPrefix: "transformer.h", storesTransposed: true, gguf: GGUFFamily(architecture: "gpt2"), feedForwardFactor: 4,
        requirement: { model, fields in
            guard model.headSize * model.headCount == model.hiddenSize, model.keyValueHeadCount == model.headCount else {
                throw try fields.required("hidden_size").wrong("a multiple of the \(model.headCount) heads of \"n_head\"")
            }
            for (key, value) in [("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false)] {
                if let field = fields[key], try field.flag() != value { throw field.wrong("\(value)", code: .unsupported) }
            }
        })
}
