package import Swage

/// The architecture of a decoder model: its family, and what its files say about the rest, under the names of Hugging Face's
/// `config.json`.
package struct ModelConfiguration: Sendable, Equatable {
    /// What the model has in common with others.
    package var family: ModelFamily
    package var vocabularySize: Int
    package var hiddenSize: Int
    package var layerCount: Int
    package var headCount: Int
    package var keyValueHeadCount: Int
    package var headSize: Int
    package var feedForwardSize: Int
    package var contextLength: Int
    package var normEpsilon: Double
    /// Whether the output head is the embedding.
    package var tiesEmbeddings: Bool
    package var activation: Activation
    /// Which projections have biases.
    package var biases: Biases
    package var scales = Scales()
    package var experts = Experts()
    /// One entry a layer.
    package var layers: [DecoderLayer] = []
    /// How layers turn queries and keys; ``DecoderLayer/rotary`` says which of them does.
    package var rotaries: [Rotary] = []
    /// The name that the model's files give it.
    package var name: String

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
        try check(normEpsilon > 0 && normEpsilon < 1, "\"rms_norm_eps\" is \(normEpsilon)", "a small positive number")
        for rotary in rotaries {
            try check(
                rotary.width % 2 == 0 && rotary.width > 0 && rotary.width <= headSize,
                rotary.width == headSize ? "\"head_dim\" is \(headSize)" : "\(rotary.width) of \(headSize) elements of a head turn",
                "an even number")
            // What is smaller turns every frequency the same way, or the wrong one.
            try check(rotary.theta > 1 && rotary.theta.isFinite, "\"rope_theta\" is \(rotary.theta)", "a number above 1")
        }
    }

    /// What ``Swage/TrainerConfig`` reports.
    package var reported: [String: ConfigurationValue] {
        var values: [String: ConfigurationValue] = [
            "model_type": .text(family.name), "vocab_size": .integer(vocabularySize),
            "hidden_size": .integer(hiddenSize), "num_hidden_layers": .integer(layerCount),
            "num_attention_heads": .integer(headCount), "num_key_value_heads": .integer(keyValueHeadCount),
            "head_dim": .integer(headSize), "intermediate_size": .integer(feedForwardSize),
            "max_position_embeddings": .integer(contextLength), "rms_norm_eps": .number(normEpsilon),
            "tie_word_embeddings": .flag(tiesEmbeddings),
        ]
        if let rotary = rotaries.first { values["rope_theta"] = .number(rotary.theta) }
        return values
    }
}

/// What is different from layer to layer.
package struct DecoderLayer: Sendable, Equatable {
    /// How many positions back a query sees, itself included; nil for all.
    package var window: Int?
    /// Which of the model's rotaries turns queries and keys; nil for none.
    package var rotary: Int?
}

/// The experts of each layer, which stand in the place of one feed-forward block.
package struct Experts: Sendable, Equatable {
    /// How many there are; 0 for a model without.
    package var count = 0
    /// How many compute each token.
    package var perToken = 0
    /// Whether their weights sum to 1.
    package var normalizes = false
}

/// Which projections have biases.
package struct Biases: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let queryKeyValue = Biases(rawValue: 1)
    package static let attentionOutput = Biases(rawValue: 2)
    package static let feedForward = Biases(rawValue: 4)
    package static let experts = Biases(rawValue: 8)
}

/// What stands between the two products of a feed-forward block.
package enum Activation: String, Sendable {
    case silu
    /// `silu` with a bound, and with 1 added to what it multiplies (GPT-OSS).
    case clampedSilu = "clamped_silu"
    /// The Gaussian error linear unit by its approximation with a tangent (Hendrycks and Gimpel, 2016).
    case geluTanh = "gelu_pytorch_tanh"

    /// transformers' names of it.
    init?(huggingFace name: String) {
        switch name {
        case "silu", "swish": self = .silu
        case "gelu_pytorch_tanh", "gelu_new": self = .geluTanh
        default: return nil
        }
    }
}

/// Factors and bounds at the places where some families have them.
package struct Scales: Sendable, Equatable {
    /// What scores are multiplied by; 0 for one by the square root of the head's size.
    package var attention = 0.0
    /// What a head's size is taken for in that; 0 for its own.
    package var queryScalar = 0.0
    /// The bound of scores, by a tangent; 0 for none.
    package var attentionCap = 0.0
    /// What queries grow by, times the logarithm of how many of these contexts are before them, and 1; 0 for nothing.
    package var queryGrowth = 0.0
    package var queryContext = 1.0
    /// What embeddings are multiplied by.
    package var embedding = 1.0
    /// What each block's output is multiplied by before it is added.
    package var residual = 1.0
    /// What logits are divided by.
    package var logits = 1.0
    /// The bound of logits, by a tangent; 0 for none.
    package var logitCap = 0.0
    /// The slope of the sigmoid in ``Activation/clampedSilu``, and its bound.
    package var activationSlope = 1.702
    package var activationLimit = 7.0
}

extension ModelConfiguration {
    /// What scores are multiplied by.
    package var attentionScale: Float {
        if scales.queryScalar != 0 { return Float(1 / scales.queryScalar.squareRoot()) }
        return scales.attention != 0 ? Float(scales.attention) : 1 / Float(headSize).squareRoot()
    }

    /// Whether a tensor has a bias.
    package func hasBias(_ role: TensorRole) -> Bool {
        switch role {
        case .query, .key, .value, .queryKeyValue: biases.contains(.queryKeyValue)
        case .attentionOutput: biases.contains(.attentionOutput)
        case .router, .expertsGateUp, .expertsDown: biases.contains(.experts)
        case .gate, .up, .gateUp, .down, .expertGate, .expertUp, .expertDown: biases.contains(.feedForward)
        case .inputNorm, .postAttentionNorm, .feedForwardNorm, .postFeedForwardNorm, .finalNorm: family.norm == .layer
        default: false
        }
    }
}
