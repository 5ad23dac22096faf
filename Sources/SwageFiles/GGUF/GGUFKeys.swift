import Swage
import SwageText

/// The metadata of a GGUF file that changes what a layer computes: where a family does not read it, it is refused by name.
enum GGUFKeys {
    /// - Throws: ``TrainerError`` with code `unsupported`, naming the key.
    static func refuseOtherArithmetic(_ gguf: GGUFFile, _ family: ModelFamily, _ architecture: String, headSize: Int) throws {
        let read = Set(family.settings.compactMap(\.gguf))
        let neutral: [String: Double] = [
            "expert_count": 0, "attention.value_length": Double(headSize),
            "rope.scale_linear": 1, "attention.scale": 0, "attention.clamp_kqv": 0, "attention.max_alibi_bias": 0,
            "attn_logit_softcapping": 0, "final_logit_softcapping": 0, "logit_scale": 1, "residual_scale": 1,
            "embedding_scale": 1, "attention.sliding_window_pattern": 1, "attention.temperature_scale": 0, "expert_shared_count": 0,
            "leading_dense_block_count": 0, "expert_gating_func": 1,
        ]
        let checked = neutral.merging(family.gguf?.neutral ?? [:]) { $1 }.filter { !read.contains($0.key) }
        for (name, value) in checked.sorted(by: { $0.key < $1.key }) {
            if name == "expert_count", family.expertRule != nil { continue }
            if name == "attention.sliding_window_pattern", family.layerRule.hasPattern { continue }
            if name == "attention.temperature_scale", family.rotaryRule.scalesQueries { continue }
            guard let found = gguf.metadata["\(architecture).\(name)"], found.number != value else { continue }
            let expected = Int(exactly: value).map { "\($0)" } ?? "\(value)"
            throw TrainerError(
                .unsupported, "\(gguf.file.path): \(architecture).\(name) is \(found.summary)", expected: "\(expected), or no such key")
        }
        for (name, value) in [("use_parallel_residual", false), ("attention.causal", true)] {
            guard let found = gguf.metadata["\(architecture).\(name)"], found.flag != value else { continue }
            throw TrainerError(
                .unsupported, "\(gguf.file.path): \(architecture).\(name) is \(found.summary)", expected: "\(value), or no such key")
        }
    }
}
