import Foundation
import Swage
package import SwageText

extension ModelConfiguration {
    /// Reads a `config.json`, with transformers' defaults for what it does not say.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported` for another architecture.
    package init(configJSON whole: JSONField, fallbackName: String) throws {
        let json = Self.textPart(whole) ?? whole
        let model = try json.required("model_type")
        guard let family = FamilyRegistry.family(named: try model.text()) else {
            throw model.wrong("one of \(FamilyRegistry.all.map(\.name).joined(separator: ", "))", code: .unsupported)
        }
        try self.init(ConfigurationFields(json, family), family, fallbackName: fallbackName)
        try validate(whole.file)
    }

    /// The part of a configuration that is about text, where it stands inside another model's.
    static func textPart(_ json: JSONField) -> JSONField? {
        guard let text = json["text_config"], let outer = json["model_type"]?.value.text, FamilyRegistry.family(named: outer) == nil else {
            return nil
        }
        return text["model_type"] == nil ? nil : text
    }

    /// What stands in the configuration of the text alone, as a file of its own.
    static func textFields(of whole: JSONField) throws -> JSONObject {
        guard let part = textPart(whole), let name = part["model_type"]?.value.text, let family = FamilyRegistry.family(named: name) else {
            return try whole.object()
        }
        var object = try part.object()
        object["architectures"] = .list([.text(family.transformersClass)])
        for key in ["bos_token_id", "eos_token_id", "pad_token_id", "torch_dtype", "dtype"] where object[key] == nil { object[key] = whole.value[key] }
        return object
    }

    private init(_ fields: ConfigurationFields, _ family: ModelFamily, fallbackName: String) throws {
        let heads = try fields.size("num_attention_heads", most: 1 << 16)
        let hidden = try fields.size("hidden_size", most: 1 << 20)
        var biases = family.fixedBiases
        for (key, named) in family.biasKeys where try fields.flag(key) { biases.formUnion(named) }
        self.init(
            family: family, vocabularySize: try fields.size("vocab_size", most: 1 << 24), hiddenSize: hidden,
            layerCount: try fields.size("num_hidden_layers", most: 10_000), headCount: heads,
            keyValueHeadCount: try fields["num_key_value_heads"]?.integer(1...1 << 16) ?? heads,
            headSize: try (fields.stated("head_dim") ?? fields.standard("head_dim"))?.integer(1...1 << 16) ?? hidden / heads,
            feedForwardSize: try fields["intermediate_size"]?.integer(1...1 << 22) ?? family.feedForwardFactor.map { $0 * hidden }
                ?? fields.size("intermediate_size", most: 1 << 22),
            contextLength: try (fields.stated("max_position_embeddings") ?? fields.standard("max_position_embeddings"))?
                .integer(1...1 << 40) ?? 2048,
            normEpsilon: try fields.number("rms_norm_eps") ?? 1e-6,
            tiesEmbeddings: try fields.flag("tie_word_embeddings"), activation: try family.activation ?? Self.activation(fields), biases: biases,
            name: fields.stated("_name_or_path")?.value.text.flatMap { $0.isEmpty ? nil : $0 } ?? fallbackName)
        if let scale = family.embeddingScale { scales.embedding = scale(hidden) }
        for setting in family.settings { try setting.read(fields, into: &self) }
        if let rule = family.expertRule { experts = try rule.read(fields) }
        let turns = try family.rotaryRule.turns(fields, layerCount: layerCount)
        let windows = try family.layerRule.windows(fields, layerCount: layerCount, turns: turns)
        try family.rotaryRule.read(fields, windows: windows, turns: turns, into: &self)
        try family.requirement?(self, fields)
        try ConfigurationKeys.refuseOtherArithmetic(fields, family)
    }

    private static func activation(_ fields: ConfigurationFields) throws -> Activation {
        guard let field = fields["hidden_act"] else { return .silu }
        guard let activation = Activation(huggingFace: try field.text()) else {
            throw field.wrong("silu or gelu_pytorch_tanh", code: .unsupported)
        }
        return activation
    }
}
