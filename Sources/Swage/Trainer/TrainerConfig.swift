/// What does not change while a trainer lives.
public struct TrainerConfig: Sendable, Equatable {
    /// The name of the model, as its files give it.
    public let modelName: String
    /// The model's configuration under Hugging Face's names (`num_hidden_layers`, …).
    public let modelConfiguration: [String: ConfigurationValue]
    /// How the work is divided.
    public let parallelism: Parallelism
    /// What the engine can do.
    public let capabilities: Capabilities
    /// What the trainer was made of, by what it is, such as `model`: where it is made in another process, those who train
    /// with it cannot look for themselves.
    public let digests: [String: String]

    /// By default the engine can do what ``Capabilities`` says by default, and no digests are told.
    public init(
        modelName: String, modelConfiguration: [String: ConfigurationValue], parallelism: Parallelism,
        capabilities: Capabilities = .init(), digests: [String: String] = [:]
    ) {
        self.modelName = modelName
        self.modelConfiguration = modelConfiguration
        self.parallelism = parallelism
        self.capabilities = capabilities
        self.digests = digests
    }
}

extension TrainerConfig {
    /// The same with those digests.
    public func adding(digests: [String: String]) -> TrainerConfig {
        TrainerConfig(
            modelName: modelName, modelConfiguration: modelConfiguration, parallelism: parallelism,
            capabilities: capabilities, digests: self.digests.merging(digests) { $1 })
    }
}

/// One value of a model's configuration.
public enum ConfigurationValue: Sendable, Equatable {
    /// A whole number, such as `vocab_size`.
    case integer(Int)
    /// A number with a fraction, such as `rms_norm_eps`; it may happen to be whole.
    case number(Double)
    /// Yes or no, such as `tie_word_embeddings`.
    case flag(Bool)
    /// A word, such as `model_type`.
    case text(String)
}

/// What an engine can do, asked before work starts.
public struct Capabilities: Sendable, Equatable {
    /// The outputs of the model that losses and ``Trainer/forward(_:)`` may read.
    public var outputs: Set<ModelOutput>
    /// Whether it has a ``Sampler`` that writes with the trainer's weights.
    public var generates: Bool
    /// The names of the losses that it learns from; nil for any loss program.
    public var losses: Set<String>?
    /// The type that is computed in, by torch's name, such as `float32`; nil where the engine does not say.
    public var dtype: String?
    /// Whether what is learned are adapters beside weights that stay as they are (Hu et al., 2021).
    public var adapters: Bool
    /// Whether a step may have other options of the optimizer than those the trainer was made with.
    public var optimizerPerStep: Bool

    /// By default an engine that gives all outputs, learns from any loss, trains the weights themselves, does not say what type it
    /// computes in, writes nothing, and takes every step with the options it was made with.
    public init(
        outputs: Set<ModelOutput> = Set(ModelOutput.allCases), generates: Bool = false, losses: Set<String>? = nil,
        dtype: String? = nil, adapters: Bool = false, optimizerPerStep: Bool = false
    ) {
        (self.outputs, self.generates, self.losses) = (outputs, generates, losses)
        (self.dtype, self.adapters, self.optimizerPerStep) = (dtype, adapters, optimizerPerStep)
    }

    /// What keeps the engine from learning from a loss, in words; nil if nothing does.
    public func lack(for loss: LossFunction) -> String? {
        let missing = loss.program.outputsRead.subtracting(outputs)
        if !missing.isEmpty { return "does not give \(missing.map(\.rawValue).sorted().joined(separator: ", "))" }
        guard let losses, !losses.contains(loss.name) else { return nil }
        return "learns from \(losses.sorted().joined(separator: ", ")) alone, and not from \(loss.name)"
    }
}

/// How many ways each dimension of the work is divided, and on what it runs.
public struct Parallelism: Sendable, Equatable {
    /// How many ways the rows of a batch are divided; 1 means that they are not.
    public var dataParallel = 1
    /// How many ways each matrix is divided; 1 means that none is.
    public var tensorParallel = 1
    /// How many ways the layers are divided; 1 means that they are not.
    public var pipelineParallel = 1
    /// How many ways the positions of a sequence are divided; 1 means that they are not.
    public var contextParallel = 1
    /// How many ways the experts of a layer are divided; 1 means that they are not, or that there are none.
    public var expertParallel = 1
    /// The number of processes altogether.
    public var worldSize = 1
    /// `cpu`, `cuda`, ….
    public var device: String

    /// Work that is not divided: one process, on `device`. What differs is set afterwards.
    public init(device: String) { self.device = device }
}
