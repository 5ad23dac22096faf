package import Foundation
import Swage
import SwageText

extension ModelConfiguration {
    /// Reads the `config.json` at `path`, with transformers' defaults for what it does not say.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported` for another architecture.
    package init(configJSON data: Data, path: String, fallbackName: String) throws {
        let json = try JSONField(json: data, file: path)
        let model = try json.required("model_type")
        guard let family = Family(rawValue: try model.text()) else {
            throw model.wrong("one of \(Family.allCases.map(\.rawValue).joined(separator: ", "))", code: .unsupported)
        }
        try ConfigurationKeys.refuseOtherArithmetic(json, family)
        func size(_ key: String, most: Int, default standard: Int? = nil) throws -> Int {
            if let standard, json[key] == nil { return standard }
            return try json.required(key).integer(1...most)
        }
        let heads = try size("num_attention_heads", most: 1 << 16)
        let hidden = try size("hidden_size", most: 1 << 20)
        // transformers asks the same of these alone.
        if family == .llama, hidden % heads != 0 {
            throw try json.required("hidden_size").wrong("a multiple of the \(heads) heads of \"num_attention_heads\"")
        }
        let hasBias = try json["attention_bias"]?.flag() ?? false
        let keyValueHeads = json.isNull("num_key_value_heads") ? heads : family.standardKeyValueHeads ?? heads
        self.init(
            family: family, vocabularySize: try size("vocab_size", most: 1 << 24), hiddenSize: hidden,
            layerCount: try size("num_hidden_layers", most: 10_000), headCount: heads,
            keyValueHeadCount: try size("num_key_value_heads", most: 1 << 16, default: keyValueHeads),
            headSize: try size("head_dim", most: 1 << 16, default: family == .qwen3 ? 128 : hidden / heads),
            feedForwardSize: try size("intermediate_size", most: 1 << 22),
            contextLength: try size("max_position_embeddings", most: 1 << 40, default: family.standardContextLength),
            normEpsilon: try json["rms_norm_eps"]?.number() ?? 1e-6,
            ropeTheta: 10000, ropeScaling: .none,
            tiesEmbeddings: try json["tie_word_embeddings"]?.flag() ?? false,
            hasQueryKeyValueBias: family == .qwen2 || (family.mayHaveBias && hasBias),
            hasAttentionOutputBias: family.mayHaveBias && hasBias, slidingWindows: [],
            name: json["_name_or_path"]?.value.text.flatMap { $0.isEmpty ? nil : $0 } ?? fallbackName)
        (ropeTheta, ropeScaling) = try Self.rope(json, contextLength: contextLength)
        try validate(path)
        slidingWindows = try windows(json)
    }

    /// The rotary settings stand in `rope_parameters`, which older files call `rope_scaling`; what is not in there stands
    /// beside it.
    private static func rope(_ json: JSONField, contextLength: Int) throws -> (theta: Double, RopeScaling) {
        let old = try json["rope_scaling"].flatMap { try $0.object().isEmpty ? nil : $0 }
        let settings = try old ?? json["rope_parameters"].flatMap { try $0.object().isEmpty ? nil : $0 }
        let theta = try (settings?["rope_theta"] ?? json["rope_theta"])?.number() ?? 10000
        guard let settings else { return (theta, .none) }
        for layers in ["full_attention", "sliding_attention"] {
            if let odd = settings[layers] { throw odd.wrong("the same rotary settings for all layers", code: .unsupported) }
        }
        if let part = settings["partial_rotary_factor"], try part.number() != 1 {
            throw part.wrong("1, or no such key", code: .unsupported)
        }
        func factor(_ key: String) throws -> Double {
            let field = try settings.required(key)
            let value = try field.number()
            guard value > 0 else { throw field.wrong("a number above 0") }
            return value
        }
        guard let type = settings["rope_type"] ?? settings["type"] else { return (theta, .none) }
        switch try type.text() {
        case "default":
            return (theta, .none)
        case "linear":
            return (theta, .linear(factor: try factor("factor")))
        case "llama3":
            let inner = settings["original_max_position_embeddings"], outer = json["original_max_position_embeddings"]
            let context = try (outer ?? inner)?.integer(1...1 << 40) ?? contextLength
            if let inner, try inner.integer(1...1 << 40) != context { throw inner.wrong("\(context), as outside \"\(settings.key)\"") }
            return (
                theta,
                .llama3(
                    factor: try factor("factor"), lowFrequencyFactor: try factor("low_freq_factor"),
                    highFrequencyFactor: try factor("high_freq_factor"), originalContext: context)
            )
        default:
            throw type.wrong("default, linear or llama3", code: .unsupported)
        }
    }

    private func windows(_ json: JSONField) throws -> [Int?] {
        func everyLayer(_ window: Int?) -> [Int?] { Array(repeating: window, count: layerCount) }
        let stated = try json["sliding_window"]?.integer(1...1 << 40)
        let window = stated ?? (json.isNull("sliding_window") ? nil : 4096)
        let types = try json["layer_types"].map { field in
            let types = try field.list()
            guard types.count == layerCount else { throw field.wrong("one type for each of the \(layerCount) layers") }
            return types
        }
        switch family {
        case .llama, .mistral:
            // The model's code has one kind of attention for all layers.
            let used = family == .mistral ? window : nil
            for type in types ?? [] where try type.text() != (used == nil ? "full_attention" : "sliding_attention") {
                throw type.wrong("the same kind of attention in every layer", code: .unsupported)
            }
            return everyLayer(used)
        case .qwen2, .qwen3:
            let used = try json["use_sliding_window"]?.flag() ?? false ? window : nil
            if let types {
                return try types.map { type in
                    switch (try type.text(), used) {
                    case ("full_attention", _): return nil
                    case ("sliding_attention", let window?): return window
                    case ("sliding_attention", nil): throw type.wrong("full_attention, for there is no window in use", code: .unsupported)
                    default: throw type.wrong("full_attention or sliding_attention", code: .unsupported)
                    }
                }
            }
            let first = try json["max_window_layers"]?.integer(0...Int.max) ?? 28
            return (0..<layerCount).map { $0 >= first ? used : nil }
        }
    }
}

extension ModelConfiguration.Family {
    /// What transformers takes where the configuration does not say; nil for as many as there are heads.
    fileprivate var standardKeyValueHeads: Int? {
        switch self {
        case .llama: nil
        case .mistral: 8
        case .qwen2, .qwen3: 32
        }
    }

    fileprivate var standardContextLength: Int {
        switch self {
        case .llama: 2048
        case .mistral: 4096 * 32
        case .qwen2, .qwen3: 32768
        }
    }

    /// Whether `attention_bias` has a meaning: in the others it makes no difference.
    fileprivate var mayHaveBias: Bool { self == .llama || self == .qwen3 }
}
