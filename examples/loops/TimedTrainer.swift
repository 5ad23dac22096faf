import Swage
import Synchronization

/// How long the calls of a trainer and of its sampler have taken, by name.
public final class CallTimes: Sendable {
    private let sums = Mutex<[String: Duration]>([:])

    public init() {}

    public var seconds: [String: Double] { sums.withLock { $0.mapValues { $0 / .seconds(1) } } }

    func measure<Result>(_ call: String, _ body: () async throws -> Result) async rethrows -> Result {
        let start = ContinuousClock.now
        defer { sums.withLock { $0[call, default: .zero] += start.duration(to: .now) } }
        return try await body()
    }
}

/// Any trainer, timed. It keeps the promises that the trainer keeps, for it forwards every call.
public struct TimedTrainer: Trainer {
    public let times: CallTimes
    public let trainer: any Trainer

    public init(_ trainer: any Trainer, times: CallTimes = .init()) { (self.trainer, self.times) = (trainer, times) }

    public func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        try await times.measure("forwardBackward") { try await trainer.forwardBackward(batch, loss: loss) }
    }
    public func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs {
        try await times.measure("forward") { try await trainer.forward(inputs) }
    }
    public func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        try await times.measure("save") { try await trainer.save(name: name, path: path, weightsOnly: weightsOnly) }
    }
    public func optimStep(_ optimizer: OptimizerOptions?) async throws -> OptimStepResult {
        try await times.measure("optimStep") { try await trainer.optimStep(optimizer) }
    }
    public func load(_ path: String?) async throws -> LoadedCheckpoint { try await times.measure("load") { try await trainer.load(path) } }
    public func clearGradients() async throws { try await trainer.clearGradients() }
    public func config() async throws -> TrainerConfig { try await trainer.config() }
    public func status() async throws -> TrainerStatus { try await trainer.status() }
    public func tokenizer() async throws -> any Tokenizer { try await trainer.tokenizer() }
}

/// The sampler beside it. Whoever wraps a trainer that writes wraps the pair: recipes and servers take both.
public struct TimedSampler: Sampler {
    private let sampler: any Sampler
    private let times: CallTimes

    public init(_ sampler: any Sampler, times: CallTimes) { (self.sampler, self.times) = (sampler, times) }

    public var sharesWeights: Bool { sampler.sharesWeights }
    public func updateWeights(from checkpoint: String, version: Int) async throws {
        try await times.measure("updateWeights") { try await sampler.updateWeights(from: checkpoint, version: version) }
    }
    public func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) async throws -> [Completion] {
        try await times.measure("generate") { try await sampler.generate(prompts, options: options, onToken: onToken) }
    }
}
