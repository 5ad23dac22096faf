import Swage

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
