import Swage

extension RopeScaling {
    /// What `rope_parameters` holds of it.
    var json: JSONObject {
        var json = JSONObject()
        switch self {
        case .none:
            json["rope_type"] = "default"
        case .linear(let factor):
            json["rope_type"] = "linear"
            json["factor"] = .number(factor)
        case .dynamic(let factor, _):
            json["rope_type"] = "dynamic"
            json["factor"] = .number(factor)
        case .yarn(let factor, let fast, let slow, let truncates, let context, let attention):
            json["rope_type"] = "yarn"
            json["factor"] = .number(factor)
            json["beta_fast"] = .number(fast)
            json["beta_slow"] = .number(slow)
            json["truncate"] = .flag(truncates)
            json["original_max_position_embeddings"] = .number(context)
            json["attention_factor"] = .number(attention)
        case .longrope(let short, let long, let context, let attention):
            json["rope_type"] = "longrope"
            json["short_factor"] = .list(short.map { .number($0) })
            json["long_factor"] = .list(long.map { .number($0) })
            json["original_max_position_embeddings"] = .number(context)
            json["attention_factor"] = .number(attention)
        case .llama3(let factor, let low, let high, let context):
            json["rope_type"] = "llama3"
            json["factor"] = .number(factor)
            json["low_freq_factor"] = .number(low)
            json["high_freq_factor"] = .number(high)
            json["original_max_position_embeddings"] = .number(context)
        }
        return json
    }
}
