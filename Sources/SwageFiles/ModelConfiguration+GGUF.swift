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
        func integer(_ key: String) throws -> Int { try gguf.required("\(architecture).\(key)", \.integer) }
        func optional(_ key: String) -> GGUFValue? { gguf.metadata["\(architecture).\(key)"] }

        let heads = try integer("attention.head_count")
        guard heads > 0 else { throw gguf.file.corrupt("the model has \(heads) attention heads") }
        let hidden = try integer("embedding_length")
        let layers = try integer("block_count")
        let keyLength = optional("attention.key_length")?.integer ?? hidden / heads
        let theta = optional("rope.freq_base")?.number ?? 10000
        self.init(
            family: family,
            vocabularySize: try gguf.tensors["token_embd.weight"]?.shape.first ?? integer("vocab_size"),
            hiddenSize: hidden, layerCount: layers, headCount: heads,
            keyValueHeadCount: optional("attention.head_count_kv")?.integer ?? heads, headSize: keyLength,
            feedForwardSize: try integer("feed_forward_length"), contextLength: try integer("context_length"),
            normEpsilon: try gguf.required("\(architecture).attention.layer_norm_rms_epsilon", \.number),
            ropeTheta: theta, ropeScaling: try gguf.ropeScaling(architecture, headSize: keyLength, theta: theta),
            tiesEmbeddings: gguf.tensors["output.weight"] == nil,
            hasQueryKeyValueBias: gguf.tensors["blk.0.attn_q.bias"] != nil,
            hasAttentionOutputBias: gguf.tensors["blk.0.attn_output.bias"] != nil, slidingWindows: [],
            name: gguf.metadata["general.name"]?.text ?? URL(fileURLWithPath: gguf.file.path).lastPathComponent)
        try validate(gguf.file.path)
        slidingWindows = (0..<layers).map { _ in optional("attention.sliding_window")?.integer }
    }
}

extension GGUFFile {
    fileprivate func ropeScaling(
        _ architecture: String, headSize: Int, theta: Double
    ) throws -> ModelConfiguration.RopeScaling {
        let type = metadata["\(architecture).rope.scaling.type"]?.text ?? "none"
        if let factors = tensors["rope_freqs.weight"] {
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
