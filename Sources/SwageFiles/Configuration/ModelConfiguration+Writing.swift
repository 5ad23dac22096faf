package import Foundation
import Swage
import SwageText

extension ModelConfiguration {
    /// The content of a `config.json` that transformers opens as this model.
    package func configJSON(beginningID: Int32?, endIDs: [Int32]) -> Data {
        var json = JSONObject()
        json["_name_or_path"] = .text(name)
        json["architectures"] = .list([.text(family.transformersClass)])
        json["model_type"] = .text(family.name)
        func key(_ name: String) -> String { family.spelling[name] ?? name }
        let sizes = [
            ("vocab_size", vocabularySize), ("hidden_size", hiddenSize), ("num_hidden_layers", layerCount),
            ("num_attention_heads", headCount), ("num_key_value_heads", keyValueHeadCount), ("head_dim", headSize),
            ("intermediate_size", feedForwardSize), ("max_position_embeddings", contextLength),
        ]
        for (name, size) in sizes { json[key(name)] = .number(size) }
        json[key("hidden_act")] = .text(family.activation == nil ? activation.rawValue : "silu")
        json[key("rms_norm_eps")] = .number(normEpsilon)
        json["tie_word_embeddings"] = .flag(tiesEmbeddings)
        for (name, named) in family.biasKeys { json[name] = .flag(biases.isSuperset(of: named)) }
        for setting in family.settings { setting.write(self, to: &json) }
        family.expertRule?.write(experts, family.standards, to: &json)
        family.rotaryRule.write(self, to: &json)
        family.layerRule.write(slidingWindows, to: &json)
        json["bos_token_id"] = beginningID.map { .number(Int($0)) }
        // Some families' classes name a token that a small vocabulary does not have.
        json.set("pad_token_id", to: .null)
        if !endIDs.isEmpty { json["eos_token_id"] = TokenIDs(ids: endIDs).json }
        json["torch_dtype"] = .text("float32")
        return Data(JSONValue.object(json).indentedJSON.utf8)
    }

    /// How many positions back a query sees, in each layer; nil for all.
    package var slidingWindows: [Int?] { layers.map(\.window) }
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
