import Foundation
import Swage
import SwageText

extension ModelConfiguration {
    /// Reads the architecture from a GGUF file's metadata.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported` for another architecture.
    init(gguf: GGUFFile) throws {
        let architecture = try gguf.required("general.architecture", \.text)
        guard let family = Family(rawValue: architecture) else {
            throw TrainerError(
                .unsupported, "\(gguf.file.path) holds a model of architecture \"\(architecture)\"",
                expected: "one of \(Family.allCases.map(\.rawValue))")
        }
        func key(_ name: String) -> String { "\(architecture).\(name)" }
        func integer(_ name: String) throws -> Int { try gguf.required(key(name), \.integer) }
        func optional(_ name: String) throws -> Int? { try gguf.optional(key(name), \.integer) }

        let sizes = try (heads: integer("attention.head_count"), hidden: integer("embedding_length"), layers: integer("block_count"))
        guard sizes.heads > 0 else { throw gguf.file.corrupt("the model has \(sizes.heads) attention heads", expected: "1 or more") }
        let headSize = try optional("attention.key_length") ?? sizes.hidden / sizes.heads
        try gguf.refuseOtherArithmetic(architecture, headSize: headSize)
        let theta = try gguf.optional(key("rope.freq_base"), \.number) ?? 10000
        self.init(
            family: family,
            vocabularySize: try gguf.tensors["token_embd.weight"]?.shape.first ?? integer("vocab_size"),
            hiddenSize: sizes.hidden, layerCount: sizes.layers, headCount: sizes.heads,
            keyValueHeadCount: try optional("attention.head_count_kv") ?? sizes.heads, headSize: headSize,
            feedForwardSize: try integer("feed_forward_length"), contextLength: try integer("context_length"),
            normEpsilon: try gguf.required(key("attention.layer_norm_rms_epsilon"), \.number),
            ropeTheta: theta, ropeScaling: .none, tiesEmbeddings: gguf.tensors["output.weight"] == nil,
            hasQueryKeyValueBias: gguf.tensors["blk.0.attn_q.bias"] != nil,
            hasAttentionOutputBias: gguf.tensors["blk.0.attn_output.bias"] != nil, slidingWindows: [],
            name: try gguf.optional("general.name", \.text) ?? URL(literalPath: gguf.file.path).lastPathComponent)
        try validate(gguf.file.path)
        ropeScaling = try gguf.ropeScaling(architecture, headSize: headSize, theta: theta)
        let window = try optional("attention.sliding_window").flatMap { $0 > 0 ? $0 : nil }
        slidingWindows = (0..<layerCount).map { _ in window }
    }
}

extension GGUFFile {
    /// The tensor that holds Llama 3's divisors of the rotary frequencies.
    static let ropeFactors = "rope_freqs.weight"

    /// Metadata that changes what a layer computes, in ways that the decoder does not know: it is refused by name.
    /// - Throws: ``TrainerError`` with code `unsupported`, naming the key.
    fileprivate func refuseOtherArithmetic(_ architecture: String, headSize: Int) throws {
        let neutral: [(key: String, value: Double)] = [
            ("expert_count", 0), ("attention.value_length", Double(headSize)), ("rope.dimension_count", Double(headSize)),
            ("rope.scale_linear", 1), ("attention.scale", 0), ("attention.clamp_kqv", 0), ("attention.max_alibi_bias", 0),
            ("attn_logit_softcapping", 0), ("final_logit_softcapping", 0), ("logit_scale", 1), ("residual_scale", 1),
            ("embedding_scale", 1), ("attention.sliding_window_pattern", 1),
        ]
        for (name, value) in neutral {
            guard let found = metadata["\(architecture).\(name)"], found.number != value else { continue }
            throw TrainerError(
                .unsupported, "\(file.path): \(architecture).\(name) is \(found.summary)", expected: "\(Int(value)), or no such key")
        }
        for (name, value) in [("use_parallel_residual", false), ("attention.causal", true)] {
            guard let found = metadata["\(architecture).\(name)"], found.flag != value else { continue }
            throw TrainerError(.unsupported, "\(file.path): \(architecture).\(name) is \(found.summary)", expected: "\(value), or no such key")
        }
    }

    fileprivate func ropeScaling(
        _ architecture: String, headSize: Int, theta: Double
    ) throws -> ModelConfiguration.RopeScaling {
        let type = try optional("\(architecture).rope.scaling.type", \.text) ?? "none"
        if let factors = tensors[Self.ropeFactors] {
            return try llama3Scaling(factors, headSize: headSize, theta: theta)
        }
        switch type {
        case "none": return .none
        case "linear": return .linear(factor: try required("\(architecture).rope.scaling.factor", \.number))
        default:
            throw TrainerError(
                .unsupported, "\(file.path): the rope scaling is \"\(type)\"", expected: "none, linear or Llama 3's")
        }
    }

    /// GGUF stores Llama 3's scaling as one divisor a frequency. The rule's parameters are looked for among those
    /// that the released models have, and must give the same divisors.
    private func llama3Scaling(
        _ stored: StoredTensor, headSize: Int, theta: Double
    ) throws -> ModelConfiguration.RopeScaling {
        guard stored.elementCount == headSize / 2 else {
            throw file.corrupt("rope_freqs.weight has \(stored.elementCount) elements", expected: "\(headSize / 2)")
        }
        let divisors = try values(of: stored)
        let candidate = ModelConfiguration.RopeScaling.llama3(
            factor: Double(divisors.max() ?? 1), lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192)
        let plain = ModelConfiguration.RopeScaling.none.inverseFrequencies(headSize: headSize, theta: theta)
        let scaled = candidate.inverseFrequencies(headSize: headSize, theta: theta)
        let agree = zip(zip(plain, scaled), divisors).allSatisfy { pair, divisor in
            abs(pair.0 / pair.1 - Double(divisor)) <= 1e-3 * Double(divisor)
        }
        guard agree else {
            throw TrainerError(
                .unsupported, "\(file.path): rope_freqs.weight does not follow Llama 3's rule",
                expected: "the scaling of Llama 3.1, 3.2 or 3.3")
        }
        return candidate
    }
}
