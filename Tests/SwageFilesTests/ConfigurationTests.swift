import Foundation
import Swage
import SwageFiles
import SwageNative
import SwageText
import Testing
import TestSupport

/// `config.json` is read as transformers reads it, or refused by the key.
@Suite(.timeLimit(.minutes(30))) struct ConfigurationTests {
    private func configuration(_ decoder: String, _ changes: [String: JSONValue?]) throws -> ModelConfiguration {
        let path = Golden.decoder(decoder) + "/config.json"
        let whole = try JSONValue(json: try Data(contentsOf: URL(fileURLWithPath: path)))
        var json = try #require(whole.object)
        for (key, value) in changes { json[key] = value }
        return try ModelConfiguration(configJSON: JSONField(.object(json), file: "config.json"), fallbackName: "x")
    }

    @Test(arguments: ["-1", "0", "1.5", "\"30\"", "16777216", "99999999999999999999", "null", "[2]"])
    func aCountThatIsNoneIsRefused(_ literal: String) throws {
        for key in ["num_hidden_layers", "hidden_size", "vocab_size", "num_attention_heads", "intermediate_size"] {
            if key == "vocab_size", literal == "16777216" { continue }
            let value = try JSONValue(json: Data(literal.utf8))
            let error = #expect(throws: TrainerError.self, "\(key) = \(literal)") { try configuration("llama", [key: value]) }
            #expect(error?.description.contains(key) == true, "\(String(describing: error))")
        }
    }

    @Test(arguments: [
        ("attn_logit_softcapping", "30.0"), ("partial_rotary_factor", "1.5"), ("attention_dropout", "0.1"),
        ("architectures", "[\"LlamaForSequenceClassification\"]"), ("layer_types", "[\"full_attention\", \"sliding_attention\"]"),
        ("rope_parameters", "{\"rope_type\": \"proportional\", \"factor\": 2}"), ("rope_parameters", "{\"full_attention\": {\"rope_type\": \"default\"}}"),
        ("is_causal", "false"), ("num_local_experts", "8"), ("rope_parameters", "{\"rope_type\": \"linear\", \"factor\": 0}"),
        ("num_attention_heads", "5"), ("hidden_act", "\"gelu\""),
    ])
    func aKeyThatChangesTheArithmeticIsRefusedByName(_ key: String, _ json: String) throws {
        let value = try JSONValue(json: Data(json.utf8))
        let error = #expect(throws: TrainerError.self, "\(key) = \(json)") { try configuration("llama", [key: value]) }
        #expect(error?.description.contains(key) == true || error?.description.contains("hidden_size") == true, "\(String(describing: error))")
    }

    /// The values are those of transformers' classes.
    @Test func whatIsNotSaidIsAsInTransformers() throws {
        let absent: [String: JSONValue?] = [
            "num_key_value_heads": nil, "head_dim": nil, "max_position_embeddings": nil, "rms_norm_eps": nil, "rope_parameters": nil,
            "rope_scaling": nil, "rope_theta": nil, "sliding_window": nil, "tie_word_embeddings": nil, "attention_bias": nil, "layer_types": nil,
            "num_attention_heads": .number(64), "hidden_size": .number(1024),
        ]
        let expected: [(String, heads: Int, head: Int, context: Int, window: Int?)] = [
            ("llama", 64, 16, 2048, nil), ("mistral", 8, 16, 131_072, 4096), ("qwen2", 32, 16, 32768, nil), ("qwen3", 32, 128, 32768, nil),
        ]
        for (name, heads, head, context, window) in expected {
            let found = try configuration(name, absent)
            #expect(found.keyValueHeadCount == heads && found.headSize == head && found.contextLength == context, "\(name): \(found)")
            #expect(found.slidingWindows.first == .some(window) && found.normEpsilon == 1e-6 && found.rotaries[0].theta == 10000, "\(name): \(found)")
            #expect(!found.tiesEmbeddings && (found.biases == .queryKeyValue) == (name == "qwen2"), "\(name): \(found)")
        }
        #expect(try configuration("mistral", ["sliding_window": .null]).slidingWindows.first == .some(nil))
        #expect(try configuration("llama", ["num_key_value_heads": .null]).keyValueHeadCount == 4)
    }

    @Test func theInnerRotaryBaseCountsMore() throws {
        let inner = JSONValue.object(["rope_type": .text("default"), "rope_theta": .number(5000)])
        #expect(try configuration("llama", ["rope_theta": .number(7000), "rope_parameters": inner]).rotaries[0].theta == 5000)
        #expect(try configuration("llama", ["rope_theta": .number(7000), "rope_parameters": nil]).rotaries[0].theta == 7000)
        let scaling = JSONValue.object(["type": .text("linear"), "factor": .number(2.0)])
        let both = try configuration("llama", ["rope_theta": .number(7000), "rope_parameters": inner, "rope_scaling": scaling])
        #expect(both.rotaries[0].theta == 7000 && both.rotaries[0].scaling == .linear(factor: 2))
    }

    @Test func aWrittenConfigurationReadsBackAsTheSame() throws {
        for name in Golden.decoders {
            let found = try configuration(name, [:])
            let again = try ModelConfiguration(
                configJSON: JSONField(json: found.configJSON(beginningID: 1, endIDs: [2]), file: "config.json"), fallbackName: "x")
            #expect(again == found, "\(name)")
        }
    }
}
