package import Swage

/// The architecture of a decoder model of the Llama family, under the names of Hugging Face's `config.json`.
package struct ModelConfiguration: Sendable, Equatable {
    /// The families that differ in their computation.
    package enum Family: String, Sendable, CaseIterable {
        case llama, mistral, qwen2, qwen3
    }

    /// How rotary frequencies are stretched for long contexts.
    package enum RopeScaling: Sendable, Equatable {
        case none
        /// Every frequency divided by the factor (Chen et al., 2023).
        case linear(factor: Double)
        /// Low frequencies divided by the factor, high ones kept, a ramp between (Llama 3.1).
        case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int)
    }

    package var family: Family
    package var vocabularySize: Int
    package var hiddenSize: Int
    package var layerCount: Int
    package var headCount: Int
    package var keyValueHeadCount: Int
    package var headSize: Int
    package var feedForwardSize: Int
    package var contextLength: Int
    package var normEpsilon: Double
    package var ropeTheta: Double
    package var ropeScaling: RopeScaling
    /// Whether the output head is the embedding.
    package var tiesEmbeddings: Bool
    /// Whether the projections to queries, keys and values have biases.
    package var hasQueryKeyValueBias: Bool
    /// Whether the projection of the attention's output has a bias.
    package var hasAttentionOutputBias: Bool
    /// How many positions back a query sees, itself included; nil for all. One entry a layer.
    package var slidingWindows: [Int?]
    /// The name that the model's files give it.
    package var name: String

    /// Whether queries and keys are normalized head by head.
    package var normalizesQueriesAndKeys: Bool { family == .qwen3 }

    /// - Throws: ``TrainerError`` with code `corruptFile` for sizes that make no model.
    func validate(_ path: String) throws {
        func check(_ fits: Bool, _ what: String, _ expected: String) throws {
            guard fits else { throw TrainerError(.corruptFile, "\(path): \(what)", expected: expected) }
        }
        // Far more than any model has, and little enough that no product of two of them overflows.
        let sizes = [
            ("vocab_size", vocabularySize, 1 << 24), ("hidden_size", hiddenSize, 1 << 20),
            ("num_hidden_layers", layerCount, 10_000), ("num_attention_heads", headCount, 1 << 16),
            ("num_key_value_heads", keyValueHeadCount, 1 << 16), ("head_dim", headSize, 1 << 16),
            ("intermediate_size", feedForwardSize, 1 << 22), ("max_position_embeddings", contextLength, 1 << 40),
        ]
        for (key, size, most) in sizes {
            try check((1...most).contains(size), "\"\(key)\" is \(size)", "a number in 1...\(most)")
        }
        try check(
            headCount % keyValueHeadCount == 0,
            "\"num_attention_heads\" is \(headCount) with \(keyValueHeadCount) key/value heads", "a multiple of them")
        try check(headSize % 2 == 0, "\"head_dim\" is \(headSize)", "an even number")
        try check(normEpsilon > 0 && normEpsilon < 1, "\"rms_norm_eps\" is \(normEpsilon)", "a small positive number")
        // What is smaller turns every frequency the same way, or the wrong one.
        try check(ropeTheta > 1 && ropeTheta.isFinite, "\"rope_theta\" is \(ropeTheta)", "a number above 1")
    }

    /// What ``Swage/TrainerConfig`` reports.
    package var reported: [String: ConfigurationValue] {
        [
            "model_type": .text(family.rawValue), "vocab_size": .integer(vocabularySize),
            "hidden_size": .integer(hiddenSize), "num_hidden_layers": .integer(layerCount),
            "num_attention_heads": .integer(headCount), "num_key_value_heads": .integer(keyValueHeadCount),
            "head_dim": .integer(headSize), "intermediate_size": .integer(feedForwardSize),
            "max_position_embeddings": .integer(contextLength), "rms_norm_eps": .number(normEpsilon),
            "rope_theta": .number(ropeTheta), "tie_word_embeddings": .flag(tiesEmbeddings),
        ]
    }
}
