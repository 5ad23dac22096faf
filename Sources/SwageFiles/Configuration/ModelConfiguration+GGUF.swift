import Foundation
import Swage
import SwageText

extension ModelConfiguration {
    /// Reads the architecture from a GGUF file's metadata.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or `unsupported` for another architecture.
    init(gguf: GGUFFile) throws {
        let architecture = try gguf.required("general.architecture", \.text)
        guard let family = FamilyRegistry.family(ofArchitecture: architecture, in: gguf) else {
            throw TrainerError(
                .unsupported, "\(gguf.file.path) holds a model of architecture \"\(architecture)\"",
                expected: "one of \(FamilyRegistry.architectures.joined(separator: ", "))")
        }
        func key(_ name: String) -> String { "\(architecture).\(name)" }
        func integer(_ name: String) throws -> Int { try gguf.required(key(name), \.integer) }
        func optional(_ name: String) throws -> Int? { try gguf.optional(key(name), \.integer) }

        let sizes = try (heads: integer("attention.head_count"), hidden: integer("embedding_length"), layers: integer("block_count"))
        guard sizes.heads > 0 else { throw gguf.file.corrupt("the model has \(sizes.heads) attention heads", expected: "1 or more") }
        let headSize = try optional("attention.key_length") ?? sizes.hidden / sizes.heads
        try GGUFKeys.refuseOtherArithmetic(gguf, family, architecture, headSize: headSize)
        let epsilon = family.norm == .layer ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"
        let activation = family.standards[family.spelling["hidden_act"] ?? "hidden_act"]?.text.flatMap(Activation.init(huggingFace:))
        self.init(
            family: family,
            vocabularySize: try gguf.tensors["token_embd.weight"]?.shape.first ?? integer("vocab_size"),
            hiddenSize: sizes.hidden, layerCount: sizes.layers, headCount: sizes.heads,
            keyValueHeadCount: try optional("attention.head_count_kv") ?? sizes.heads, headSize: headSize,
            feedForwardSize: try optional("expert_feed_forward_length") ?? integer("feed_forward_length"),
            contextLength: try integer("context_length"),
            normEpsilon: try gguf.required(key(epsilon), \.number),
            tiesEmbeddings: gguf.tensors["output.weight"] == nil,
            activation: family.activation ?? activation ?? .silu, biases: family.biases(in: gguf),
            name: try gguf.optional("general.name", \.text) ?? URL(literalPath: gguf.file.path).lastPathComponent)
        try validate(gguf.file.path)
        if let scale = family.embeddingScale { scales.embedding = scale(hiddenSize) }
        for setting in family.settings { try setting.read(gguf, architecture, into: &self) }
        if let rule = family.expertRule { experts = try rule.read(gguf, architecture) }
        try family.gguf?.complete?(&self)
        let window = try optional("attention.sliding_window").flatMap { $0 > 0 ? $0 : nil }
        let rotary = GGUFRotary(gguf: gguf, architecture: architecture, configuration: self)
        rotaries = try rotary.rotaries()
        if family.rotaryRule.scalesQueries { (scales.queryGrowth, scales.queryContext) = try rotary.queryGrowth() }
        try validate(gguf.file.path)
        let pattern = key("attention.sliding_window_pattern")
        guard let windows = family.layerRule.windows(width: window, pattern: gguf.metadata[pattern], layerCount: layerCount) else {
            throw gguf.file.corrupt("\(pattern) is \(gguf.metadata[pattern]?.summary ?? "")", expected: "a number, or a flag for each layer")
        }
        layers = family.rotaryRule.layers(
            windows: windows, turns: family.rotaryRule.turns(layerCount: layerCount), rotaryCount: rotaries.count)
    }
}

extension ModelFamily {
    /// The biases that a file has.
    fileprivate func biases(in gguf: GGUFFile) -> Biases {
        let roles: [(TensorRole, Biases)] = [
            (.query, .queryKeyValue), (.queryKeyValue, .queryKeyValue), (.attentionOutput, .attentionOutput), (.down, .feedForward),
        ]
        return roles.reduce(into: fixedBiases) { biases, role in
            if let name = tensors[role.0]?.gguf, gguf.tensors["blk.0.\(name).bias"] != nil { biases.formUnion(role.1) }
        }
    }
}
