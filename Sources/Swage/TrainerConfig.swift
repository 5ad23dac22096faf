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

    public init(
        modelName: String, modelConfiguration: [String: ConfigurationValue], parallelism: Parallelism,
        capabilities: Capabilities = .init()
    ) {
        self.modelName = modelName
        self.modelConfiguration = modelConfiguration
        self.parallelism = parallelism
        self.capabilities = capabilities
    }
}

extension TrainerConfig {
    package static let digestPrefix = "digest_of_"

    /// What the files were that the trainer was opened from, by what they are, such as `model`: where it is opened in another
    /// process, those who train with it cannot look for themselves.
    public var digests: [String: String] {
        var digests: [String: String] = [:]
        for case (let name, .text(let digest)) in modelConfiguration where name.hasPrefix(Self.digestPrefix) {
            digests[String(name.dropFirst(Self.digestPrefix.count))] = digest
        }
        return digests
    }

    /// The same with those digests.
    public func adding(digests: [String: String]) -> TrainerConfig {
        var configuration = modelConfiguration
        for (name, digest) in digests { configuration[Self.digestPrefix + name] = .text(digest) }
        return TrainerConfig(
            modelName: modelName, modelConfiguration: configuration, parallelism: parallelism, capabilities: capabilities)
    }
}

/// One value of a model's configuration.
public enum ConfigurationValue: Sendable, Equatable {
    case integer(Int)
    case number(Double)
    case flag(Bool)
    case text(String)
}

/// What an engine can do, asked before work starts.
public struct Capabilities: Sendable, Equatable {
    /// The outputs of the model that losses and ``Trainer/forward(_:)`` may read.
    public var outputs: Set<ModelOutput>
    /// Whether it has a ``Sampler`` that writes with the trainer's weights.
    public var generates: Bool

    public init(outputs: Set<ModelOutput> = Set(ModelOutput.allCases), generates: Bool = false) {
        (self.outputs, self.generates) = (outputs, generates)
    }
}

/// How many ways each dimension of the work is divided, and on what it runs.
public struct Parallelism: Sendable, Equatable {
    public var dataParallel = 1
    public var tensorParallel = 1
    public var pipelineParallel = 1
    public var contextParallel = 1
    public var expertParallel = 1
    /// The number of processes altogether.
    public var worldSize = 1
    /// `cpu`, `cuda`, ….
    public var device: String

    public init(device: String) { self.device = device }
}
