import Foundation
import Swage
import SwageText

/// Reads rotary settings, which stand in `rope_parameters`, or as older files call it, `rope_scaling`; what is not in there stands
/// beside it.
struct RotaryReader {
    let fields: ConfigurationFields
    let rule: RotaryRule
    let headSize: Int
    let contextLength: Int

    private static let layerKinds = ["full_attention", "sliding_attention"]

    /// The settings that count: `rope_scaling` before `rope_parameters`.
    private func settings() throws -> JSONField? {
        let old = try fields["rope_scaling"].flatMap { try $0.object().isEmpty ? nil : $0 }
        return try old ?? fields["rope_parameters"].flatMap { try $0.object().isEmpty ? nil : $0 }
    }

    /// The rotary of a family that has one.
    func only() throws -> Rotary {
        let settings = try settings()
        for layers in Self.layerKinds {
            if let odd = settings?[layers] { throw odd.wrong("the same rotary settings for all layers", code: .unsupported) }
        }
        return try rotary(settings, theta: try fields.number("rope_theta") ?? 10000)
    }

    /// The rotary of layers without a window, and that of those with one.
    func byWindow(localKey: String?, localTheta: Double) throws -> [Rotary] {
        let settings = try settings()
        let isNested = settings?.value.object?.keys.contains { Self.layerKinds.contains($0) } ?? false
        // What an older file has under `rope_scaling` is about the layers without a window alone.
        if let settings, !isNested, settings.key.hasSuffix("rope_parameters") {
            throw settings.wrong("settings for full_attention and for sliding_attention", code: .unsupported)
        }
        let full = isNested ? settings?["full_attention"] : settings
        // transformers 5 looks for these elsewhere, and so computes as if they were not there.
        if !isNested, let type = full?["type"], full?["rope_type"] == nil, try type.text() != "default" {
            throw type.wrong("no such key, and \"rope_type\" in its place", code: .unsupported)
        }
        if let truncates = full?["truncate"], try !truncates.flag() { throw truncates.wrong("true, or no such key", code: .unsupported) }
        let local = isNested ? settings?["sliding_attention"] : nil
        return [
            try rotary(full, theta: try fields.number("rope_theta") ?? 10000),
            try rotary(local, theta: try localKey.flatMap { try fields.number($0) } ?? localTheta),
        ]
    }

    /// By how much queries grow with each multiple of the original context before them, and that context.
    func queryGrowth() throws -> (growth: Double, context: Double) {
        guard let settings = try settings() else { return (0, 1) }
        let growth = try settings.required("llama_4_scaling_beta").number()
        return (growth, Double(try originalContext(settings)))
    }

    private func rotary(_ settings: JSONField?, theta: Double) throws -> Rotary {
        let theta = try settings?["rope_theta"]?.number() ?? theta
        let width = try rotatedWidth(settings)
        let stretch = try settings.map { try scaling($0) } ?? RopeScaling.none
        if let beta = settings?["llama_4_scaling_beta"], !rule.scalesQueries { throw beta.wrong("no such key", code: .unsupported) }
        return Rotary(theta: theta, scaling: stretch, width: width, pairs: rule.pairs)
    }

    /// How many elements of a head turn.
    private func rotatedWidth(_ settings: JSONField?) throws -> Int {
        guard let part = settings?["partial_rotary_factor"] ?? fields["partial_rotary_factor"] else { return headSize }
        let factor = try part.number()
        if factor == 1 { return headSize }
        guard rule.isPartial else { throw part.wrong("1, or no such key", code: .unsupported) }
        guard factor > 0, factor <= 1 else { throw part.wrong("a number above 0, and 1 at most") }
        return Int(Double(headSize) * factor)
    }

    private func scaling(_ settings: JSONField) throws -> RopeScaling {
        func factor(_ key: String) throws -> Double {
            let field = try settings.required(key)
            let value = try field.number()
            guard value > 0 else { throw field.wrong("a number above 0") }
            return value
        }
        guard let type = settings["rope_type"] ?? settings["type"] else { return .none }
        switch try type.text() {
        case "default":
            return .none
        case "linear":
            return .linear(factor: try factor("factor"))
        case "dynamic":
            guard try rotatedWidth(settings) > 2 else { throw type.wrong("another one, for 2 elements of a head that turn", code: .unsupported) }
            return .dynamic(factor: try factor("factor"), context: contextLength)
        case "yarn" where !rule.hasOwnYarn:
            return try yarn(settings, factor)
        case "longrope",
            "su" where rule.hasOwnYarn,
            "yarn" where rule.hasOwnYarn:
            return try longrope(settings)
        case "llama3":
            return .llama3(
                factor: try factor("factor"), lowFrequencyFactor: try factor("low_freq_factor"),
                highFrequencyFactor: try factor("high_freq_factor"), originalContext: try originalContext(settings))
        default:
            throw type.wrong("default, linear, dynamic, yarn, longrope or llama3", code: .unsupported)
        }
    }

    private func yarn(_ settings: JSONField, _ number: (String) throws -> Double) throws -> RopeScaling {
        let original = try originalContext(settings)
        let factor = try settings.isNull("factor") ? Double(contextLength) / Double(original) : number("factor")
        func magnitude(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
        let scales = try ["mscale", "mscale_all_dim"].map { try settings[$0]?.number() ?? 0 }
        let implied = scales.contains(0) ? magnitude(1) : magnitude(scales[0]) / magnitude(scales[1])
        func beta(_ key: String, _ standard: Double) throws -> Double {
            guard let field = settings[key] else { return standard }
            let value = try field.number()
            guard value >= 0 else { throw field.wrong("a number above 0") }
            return value == 0 ? standard : value
        }
        return .yarn(
            factor: factor, betaFast: try beta("beta_fast", 32), betaSlow: try beta("beta_slow", 1),
            truncates: try settings["truncate"]?.flag() ?? true, originalContext: original,
            attentionFactor: try settings["attention_factor"] == nil ? implied : number("attention_factor"))
    }

    private func longrope(_ settings: JSONField) throws -> RopeScaling {
        let original = try originalContext(settings)
        let count = try rotatedWidth(settings) / 2
        func factors(_ key: String) throws -> [Double] {
            let field = try settings.required(key)
            let values = try field.list().map { field in
                let value = try field.number()
                guard value > 0 else { throw field.wrong("a number above 0") }
                return value
            }
            guard values.count == count else { throw field.wrong("a list of \(count), one for each pair that turns") }
            return values
        }
        let factor = try settings["factor"]?.number() ?? Double(contextLength) / Double(original)
        let implied = factor <= 1 || original < 2 ? 1 : (1 + log(factor) / log(Double(original))).squareRoot()
        let stated = try settings["attention_factor"]?.number() ?? implied
        guard stated > 0 else { throw settings.wrong("an attention_factor above 0") }
        return .longrope(
            short: try factors("short_factor"), long: try factors("long_factor"), originalContext: original, attentionFactor: stated)
    }

    /// The context that the model was first trained with: what stands outside counts before what stands inside.
    private func originalContext(_ settings: JSONField) throws -> Int {
        let inner = settings["original_max_position_embeddings"], outer = fields["original_max_position_embeddings"]
        let context = try (outer ?? inner)?.integer(1...1 << 40) ?? contextLength
        if let inner, try inner.integer(1...1 << 40) != context { throw inner.wrong("\(context), as outside \"\(settings.key)\"") }
        return context
    }
}
