package import Foundation
import Swage
import SwageText

extension ModelConfiguration {
    /// The content of a `config.json` that transformers opens as this model.
    package func configJSON(beginningID: Int32?, endIDs: [Int32]) -> Data {
        var json = JSONObject()
        json["_name_or_path"] = .text(name)
        json["architectures"] = .list([.text(family.transformersClass)])
        json["model_type"] = .text(family.rawValue)
        let sizes = [
            ("vocab_size", vocabularySize), ("hidden_size", hiddenSize), ("num_hidden_layers", layerCount),
            ("num_attention_heads", headCount), ("num_key_value_heads", keyValueHeadCount), ("head_dim", headSize),
            ("intermediate_size", feedForwardSize), ("max_position_embeddings", contextLength),
        ]
        for (key, size) in sizes { json[key] = .number(size) }
        json["hidden_act"] = .text("silu")
        json["rms_norm_eps"] = .number(normEpsilon)
        json["rope_theta"] = .number(ropeTheta)
        json["tie_word_embeddings"] = .flag(tiesEmbeddings)
        if family != .qwen2 { json["attention_bias"] = .flag(hasQueryKeyValueBias) }
        json["rope_scaling"] = ropeScaling.json
        let window = slidingWindows.compactMap(\.self).first
        if family == .mistral {
            // Without the key, there would be a window of transformers' own.
            json["sliding_window"] = window.map { .number($0) } ?? .null
        } else if let window {
            json["sliding_window"] = .number(window)
            json["use_sliding_window"] = .flag(true)
            json["layer_types"] = .list(slidingWindows.map { .text($0 == nil ? "full_attention" : "sliding_attention") })
        }
        json["bos_token_id"] = beginningID.map { .number(Int($0)) }
        if !endIDs.isEmpty { json["eos_token_id"] = TokenIDs(ids: endIDs).json }
        json["torch_dtype"] = .text("float32")
        return Data(JSONValue.object(json).indentedJSON.utf8)
    }
}

extension ModelConfiguration.RopeScaling {
    fileprivate var json: JSONValue? {
        var json = JSONObject()
        switch self {
        case .none: return nil
        case .linear(let factor):
            json["rope_type"] = .text("linear")
            json["factor"] = .number(factor)
        case .llama3(let factor, let low, let high, let context):
            json["rope_type"] = .text("llama3")
            json["factor"] = .number(factor)
            json["low_freq_factor"] = .number(low)
            json["high_freq_factor"] = .number(high)
            json["original_max_position_embeddings"] = .number(context)
        }
        return .object(json)
    }
}

/// One token id or a list of them, as Hugging Face's files have either.
struct TokenIDs {
    var ids: [Int32]

    init(ids: [Int32]) { self.ids = ids }

    /// - Throws: ``TrainerError`` with code `corruptFile`.
    init(_ field: JSONField) throws {
        let fields = field.value.list == nil ? [field] : try field.list()
        ids = try fields.map { Int32(try $0.integer(0...Int(Int32.max))) }
    }

    var json: JSONValue {
        ids.count == 1 ? .number(Int(ids[0])) : .list(ids.map { .number(Int($0)) })
    }
}
