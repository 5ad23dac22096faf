import Foundation
import Swage
import SwageText

/// How the layers of a GGUF file turn queries and keys.
struct GGUFRotary {
    let gguf: GGUFFile
    let architecture: String
    let configuration: ModelConfiguration

    private func number(_ key: String) throws -> Double? { try gguf.optional("\(architecture).rope.\(key)", \.number) }

    /// One rotary, or two where layers with a window have their own.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported`.
    func rotaries() throws -> [Rotary] {
        let rule = configuration.family.rotaryRule
        if case .none = rule.kind { return [] }
        let width = try gguf.optional("\(architecture).rope.dimension_count", \.integer) ?? configuration.headSize
        if width != configuration.headSize, !rule.isPartial || configuration.family.gguf?.interleavesRotaryPairs == true {
            throw TrainerError(
                .unsupported, "\(gguf.file.path): \(architecture).rope.dimension_count is \(width)",
                expected: "\(configuration.headSize), or no such key")
        }
        let theta = try number("freq_base") ?? 10000
        let first = Rotary(theta: theta, scaling: try scaling(width: width, theta: theta), width: width, pairs: rule.pairs)
        guard case .byWindow(let localKey, let localTheta) = rule.kind else { return [first] }
        // Where a family has no key for a base of its own, llama.cpp takes the other.
        let standard = localKey == nil ? theta : localTheta
        return [first, Rotary(theta: try number("freq_base_swa") ?? standard, scaling: .none, width: width, pairs: rule.pairs)]
    }

    private func scaling(width: Int, theta: Double) throws -> RopeScaling {
        if let factors = gguf.tensors[GGUFFile.ropeFactors] { return try llama3(factors, width: width, theta: theta) }
        if gguf.tensors["rope_factors_long.weight"] != nil { return try longrope(width: width) }
        let type = try gguf.optional("\(architecture).rope.scaling.type", \.text) ?? "none"
        func factor() throws -> Double {
            let factor = try gguf.required("\(architecture).rope.scaling.factor", \.number)
            guard factor > 0, factor.isFinite else {
                throw gguf.file.corrupt("\(architecture).rope.scaling.factor is \(factor)", expected: "a number above 0")
            }
            return factor
        }
        switch type {
        case "none": return .none
        case "linear": return .linear(factor: try factor())
        case "yarn":
            return try yarn(factor: try factor())
        default:
            throw TrainerError(
                .unsupported, "\(gguf.file.path): the rope scaling is \"\(type)\"", expected: "none, linear, yarn, longrope or Llama 3's")
        }
    }

    /// As llama.cpp computes it; what Hugging Face calls the attention factor is stored as well, and has to be what follows from the rest.
    private func yarn(factor: Double) throws -> RopeScaling {
        func magnitude(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
        let logarithm = try number("scaling.yarn_log_multiplier") ?? 0
        let implied = logarithm == 0 ? magnitude(1) : magnitude(1) / magnitude(logarithm)
        for (name, value) in [("yarn_ext_factor", 1), ("yarn_attn_factor", implied)] {
            guard let found = try number("scaling.\(name)"), abs(found - value) > 1e-4 * value else { continue }
            throw TrainerError(
                .unsupported, "\(gguf.file.path): \(architecture).rope.scaling.\(name) is \(found)", expected: "\(value), or no such key")
        }
        func positive(_ name: String, _ standard: Double) throws -> Double {
            let value = try number("scaling.\(name)") ?? standard
            guard value > 0, value.isFinite else {
                throw gguf.file.corrupt("\(architecture).rope.scaling.\(name) is \(value)", expected: "a number above 0")
            }
            return value
        }
        return .yarn(
            factor: factor, betaFast: try positive("yarn_beta_fast", 32), betaSlow: try positive("yarn_beta_slow", 1),
            truncates: configuration.family.gguf?.truncatesYarn ?? true, originalContext: try originalContext(),
            attentionFactor: implied * (try positive("attn_factor", 1)))
    }

    /// By how much queries grow with each multiple of the original context before them, and that context.
    func queryGrowth() throws -> (growth: Double, context: Double) {
        let key = "\(architecture).attention.temperature_scale"
        let growth = try gguf.optional(key, \.number) ?? 0
        guard growth >= 0, growth < 1e30 else { throw gguf.file.corrupt("\(key) is \(growth)", expected: "0 or more") }
        return (growth, Double(try originalContext()))
    }

    private func originalContext() throws -> Int {
        let key = "\(architecture).rope.scaling.original_context_length"
        let context = try gguf.optional(key, \.integer) ?? configuration.contextLength
        guard context > 0 else { throw gguf.file.corrupt("\(key) is \(context)", expected: "1 or more") }
        return context
    }

    /// LongRoPE's divisors stand in two tensors.
    private func longrope(width: Int) throws -> RopeScaling {
        let lists = try ["rope_factors_short.weight", "rope_factors_long.weight"].map { name in
            guard let stored = gguf.tensors[name] else { throw gguf.file.corrupt("there is no \(name)", expected: "it") }
            guard stored.elementCount == width / 2 else {
                throw gguf.file.corrupt("\(name) has \(stored.elementCount) elements", expected: "\(width / 2)")
            }
            let values = try gguf.values(of: stored).map { Double($0) }
            guard values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                throw gguf.file.corrupt("\(name) holds no divisors", expected: "numbers above 0")
            }
            return values
        }
        return .longrope(
            short: lists[0], long: lists[1], originalContext: try originalContext(), attentionFactor: try number("scaling.attn_factor") ?? 1)
    }

    /// GGUF stores Llama 3's scaling as one divisor a frequency. The rule's parameters are looked for among those
    /// that the released models have, and must give the same divisors.
    private func llama3(_ stored: StoredTensor, width: Int, theta: Double) throws -> RopeScaling {
        guard stored.elementCount == width / 2 else {
            throw gguf.file.corrupt("rope_freqs.weight has \(stored.elementCount) elements", expected: "\(width / 2)")
        }
        let divisors = try gguf.values(of: stored)
        let candidate = RopeScaling.llama3(
            factor: Double(divisors.max() ?? 1), lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192)
        let plain = RopeScaling.none.inverseFrequencies(width: width, theta: theta, length: 0)
        let scaled = candidate.inverseFrequencies(width: width, theta: theta, length: 0)
        let agree = zip(zip(plain, scaled), divisors).allSatisfy { pair, divisor in
            abs(pair.0 / pair.1 - Double(divisor)) <= 1e-3 * Double(divisor)
        }
        guard agree else {
            throw TrainerError(
                .unsupported, "\(gguf.file.path): rope_freqs.weight does not follow Llama 3's rule",
                expected: "the scaling of Llama 3.1, 3.2 or 3.3")
        }
        return candidate
    }
}
