import Foundation
import Swage
import SwageText

extension ModelConfiguration {
    private struct JSON: Codable {
        struct Scaling: Codable {
            var rope_type: String?
            var type: String?
            var rope_theta: Double?
            var factor: Double?
            var low_freq_factor: Double?
            var high_freq_factor: Double?
            var original_max_position_embeddings: Int?
        }

        var architectures: [String]?
        var model_type: String
        var vocab_size: Int
        var hidden_size: Int
        var num_hidden_layers: Int
        var num_attention_heads: Int
        var num_key_value_heads: Int?
        var head_dim: Int?
        var intermediate_size: Int
        var max_position_embeddings: Int?
        var hidden_act: String?
        var rms_norm_eps: Double?
        var rope_theta: Double?
        var rope_scaling: Scaling?
        /// Where newer versions of transformers keep the rotary settings.
        var rope_parameters: Scaling?
        var tie_word_embeddings: Bool?
        var attention_bias: Bool?
        var mlp_bias: Bool?
        var sliding_window: Int?
        var use_sliding_window: Bool?
        var max_window_layers: Int?
        var layer_types: [String]?
        var _name_or_path: String?
        var bos_token_id: TokenIDs?
        var eos_token_id: TokenIDs?
        var torch_dtype: String?
    }

    /// Reads the `config.json` at `path`.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported` for another architecture.
    package init(configJSON data: Data, path: String, fallbackName: String) throws {
        let json: JSON
        do {
            json = try JSONDecoder().decode(JSON.self, from: data)
        } catch {
            throw TrainerError(.corruptFile, "\(path) cannot be read: \(error.summary)")
        }
        func unsupported(_ what: String, _ expected: String) -> TrainerError {
            TrainerError(.unsupported, "\(path): \(what)", expected: expected)
        }
        guard let family = Family(rawValue: json.model_type) else {
            throw unsupported(
                "\"model_type\" is \"\(json.model_type)\"", "one of \(Family.allCases.map(\.rawValue))")
        }
        if let activation = json.hidden_act, activation != "silu" {
            throw unsupported("\"hidden_act\" is \"\(activation)\"", "\"silu\"")
        }
        if json.mlp_bias == true { throw unsupported("\"mlp_bias\" is true", "false") }
        guard json.num_attention_heads > 0 else {
            throw TrainerError(.corruptFile, "\(path): \"num_attention_heads\" is \(json.num_attention_heads)")
        }
        let attentionBias = json.attention_bias ?? false
        self.init(
            family: family, vocabularySize: json.vocab_size, hiddenSize: json.hidden_size,
            layerCount: json.num_hidden_layers, headCount: json.num_attention_heads,
            keyValueHeadCount: json.num_key_value_heads ?? json.num_attention_heads,
            headSize: json.head_dim ?? json.hidden_size / json.num_attention_heads,
            feedForwardSize: json.intermediate_size, contextLength: json.max_position_embeddings ?? 2048,
            normEpsilon: json.rms_norm_eps ?? 1e-6,
            ropeTheta: json.rope_theta ?? json.rope_parameters?.rope_theta ?? 10000,
            ropeScaling: try Self.scaling(json.rope_scaling ?? json.rope_parameters, path: path),
            tiesEmbeddings: json.tie_word_embeddings ?? false,
            hasQueryKeyValueBias: family == .qwen2 || attentionBias,
            hasAttentionOutputBias: attentionBias && family != .qwen2, slidingWindows: [],
            name: json._name_or_path.flatMap { $0.isEmpty ? nil : $0 } ?? fallbackName)
        try validate(path)
        slidingWindows = Self.windows(json, family: family)
    }

    private static func scaling(_ json: JSON.Scaling?, path: String) throws -> RopeScaling {
        guard let json, let type = json.rope_type ?? json.type else { return .none }
        func value<Value>(_ value: Value?, _ key: String) throws -> Value {
            guard let value else {
                throw TrainerError(.corruptFile, "\(path): the rope scaling \"\(type)\" has no \"\(key)\"")
            }
            return value
        }
        switch type {
        case "default":
            return .none
        case "linear":
            return .linear(factor: try value(json.factor, "factor"))
        case "llama3":
            return .llama3(
                factor: try value(json.factor, "factor"),
                lowFrequencyFactor: try value(json.low_freq_factor, "low_freq_factor"),
                highFrequencyFactor: try value(json.high_freq_factor, "high_freq_factor"),
                originalContext: try value(json.original_max_position_embeddings, "original_max_position_embeddings"))
        default:
            throw TrainerError(
                .unsupported, "\(path): the rope scaling is \"\(type)\"", expected: "default, linear or llama3")
        }
    }

    private static func windows(_ json: JSON, family: Family) -> [Int?] {
        let layers = 0..<json.num_hidden_layers
        guard let window = json.sliding_window, window > 0 else { return layers.map { _ in nil } }
        switch family {
        case .llama: return layers.map { _ in nil }
        case .mistral: return layers.map { _ in window }
        case .qwen2, .qwen3:
            guard json.use_sliding_window == true else { return layers.map { _ in nil } }
            if let types = json.layer_types, types.count == layers.count {
                return types.map { $0 == "sliding_attention" ? window : nil }
            }
            return layers.map { $0 >= json.max_window_layers ?? 28 ? window : nil }
        }
    }

    /// The content of a `config.json` that transformers opens as this model.
    package func configJSON(beginningID: Int32?, endIDs: [Int32]) throws -> Data {
        let classes: [Family: String] = [
            .llama: "LlamaForCausalLM", .mistral: "MistralForCausalLM", .qwen2: "Qwen2ForCausalLM",
            .qwen3: "Qwen3ForCausalLM",
        ]
        var json = JSON(
            architectures: [classes[family]!], model_type: family.rawValue, vocab_size: vocabularySize,
            hidden_size: hiddenSize, num_hidden_layers: layerCount, num_attention_heads: headCount,
            num_key_value_heads: keyValueHeadCount, head_dim: headSize, intermediate_size: feedForwardSize,
            max_position_embeddings: contextLength, hidden_act: "silu", rms_norm_eps: normEpsilon,
            rope_theta: ropeTheta, tie_word_embeddings: tiesEmbeddings, _name_or_path: name,
            bos_token_id: beginningID.map { TokenIDs(ids: [$0]) },
            eos_token_id: endIDs.isEmpty ? nil : TokenIDs(ids: endIDs), torch_dtype: "float32")
        if family != .qwen2 { json.attention_bias = hasQueryKeyValueBias }
        switch ropeScaling {
        case .none: break
        case .linear(let factor):
            json.rope_scaling = .init(rope_type: "linear", factor: factor)
        case .llama3(let factor, let low, let high, let context):
            json.rope_scaling = .init(
                rope_type: "llama3", factor: factor, low_freq_factor: low, high_freq_factor: high,
                original_max_position_embeddings: context)
        }
        if let window = slidingWindows.compactMap({ $0 }).first {
            json.sliding_window = window
            if family != .mistral {
                json.use_sliding_window = true
                json.layer_types = slidingWindows.map { $0 == nil ? "full_attention" : "sliding_attention" }
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(json)
    }
}

/// One token id or a list of them, as Hugging Face's files have either.
struct TokenIDs: Codable {
    var ids: [Int32]

    init(ids: [Int32]) { self.ids = ids }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let one = try? container.decode(Int32.self) {
            ids = [one]
        } else {
            ids = try container.decode([Int32].self)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if ids.count == 1 { try container.encode(ids[0]) } else { try container.encode(ids) }
    }
}
