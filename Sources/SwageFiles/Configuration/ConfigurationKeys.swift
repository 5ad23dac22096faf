import Swage
import SwageText

/// The keys of a `config.json` that change what a layer computes, in ways that the decoder does not know: they are refused by name.
enum ConfigurationKeys {
    /// - Throws: ``TrainerError`` with code `unsupported`, naming the key.
    static func refuseOtherArithmetic(_ json: JSONField, _ family: ModelConfiguration.Family) throws {
        for key in refused {
            if let field = json[key] { throw field.wrong("no such key", code: .unsupported) }
        }
        for (key, neutral) in neutralNumbers {
            if let field = json[key], field.value.number?.double != neutral {
                throw field.wrong("\(neutral), or no such key", code: .unsupported)
            }
        }
        for (key, neutral) in neutralFlags {
            if let field = json[key], field.value.flag != neutral {
                throw field.wrong("\(neutral), or no such key", code: .unsupported)
            }
        }
        if family == .llama, let bias = json["mlp_bias"], try bias.flag() { throw bias.wrong("false", code: .unsupported) }
        if family == .mistral, let bias = json["attention_bias"], try bias.flag() {
            throw bias.wrong("false, for a mistral model has none", code: .unsupported)
        }
        if let activation = json["hidden_act"], !["silu", "swish"].contains(try activation.text()) {
            throw activation.wrong("silu", code: .unsupported)
        }
        if let classes = try json["architectures"]?.list(), let first = classes.first,
            !classes.contains(where: { $0.value.text == family.transformersClass })
        {
            throw first.wrong("\(family.transformersClass), as \"model_type\" is \"\(family.rawValue)\"", code: .unsupported)
        }
    }

    private static let refused = [
        "quantization_config", "compression_config", "attn_logit_softcapping", "final_logit_softcapping", "num_experts", "num_local_experts",
        "n_routed_experts", "no_rope_layers", "clip_qkv", "kv_lora_rank", "q_lora_rank", "attention_chunk_size",
        "logit_scale", "query_pre_attn_scalar", "vision_config", "text_config", "audio_config", "alibi",
    ]

    private static let neutralNumbers: [(String, Double)] = [
        ("attention_dropout", 0), ("hidden_dropout", 0), ("partial_rotary_factor", 1), ("embedding_multiplier", 1),
        ("residual_multiplier", 1), ("logits_scaling", 1), ("scale_emb", 1), ("scale_depth", 1),
    ]

    private static let neutralFlags: [(String, Bool)] = [
        ("is_causal", true), ("is_encoder_decoder", false), ("add_cross_attention", false), ("use_qk_norm", false),
        ("use_bidirectional_attention", false), ("parallel_attn", false),
    ]
}

extension ModelConfiguration.Family {
    /// The class that transformers makes of such a model.
    var transformersClass: String {
        switch self {
        case .llama: "LlamaForCausalLM"
        case .mistral: "MistralForCausalLM"
        case .qwen2: "Qwen2ForCausalLM"
        case .qwen3: "Qwen3ForCausalLM"
        }
    }
}
