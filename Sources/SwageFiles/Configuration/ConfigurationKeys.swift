import Swage
import SwageText

/// The keys of a `config.json` that change what a layer computes: where a family has not asked for one, it is refused by name.
enum ConfigurationKeys {
    /// - Parameter fields: what the family has read.
    /// - Throws: ``TrainerError`` with code `unsupported`, naming the key.
    static func refuseOtherArithmetic(_ fields: ConfigurationFields, _ family: ModelFamily) throws {
        let json = fields.stated
        for key in refused where !fields.used.contains(key) {
            if let field = json[key] { throw field.wrong("no such key", code: .unsupported) }
        }
        for (key, neutral) in neutralNumbers where !fields.used.contains(key) {
            if let field = json[key], field.value.number?.double != neutral {
                throw field.wrong("\(neutral), or no such key", code: .unsupported)
            }
        }
        for (key, neutral) in neutralFlags where !fields.used.contains(key) {
            if let field = json[key], field.value.flag != neutral {
                throw field.wrong("\(neutral), or no such key", code: .unsupported)
            }
        }
        if let classes = try json["architectures"]?.list(), let first = classes.first,
            !classes.contains(where: { $0.value.text == family.transformersClass })
        {
            throw first.wrong("\(family.transformersClass), as \"model_type\" is \"\(family.name)\"", code: .unsupported)
        }
    }

    private static let refused = [
        "attn_logit_softcapping", "final_logit_softcapping", "num_experts", "num_local_experts",
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
