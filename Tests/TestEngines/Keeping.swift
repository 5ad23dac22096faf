#if Engines
import Swage
import SwageRemote

/// A trainer elsewhere that keeps something else alive as long as it is there.
struct Keeping: Trainer {
    let trainer: RemoteTrainer
    let other: any Sendable

    /// Another connection to it, on which each request is made twice.
    func repeating() async throws -> any Trainer {
        var options = RemoteTrainer.Options()
        options.repeatsRequests = true
        return try await RemoteTrainer(at: trainer.address, options: options)
    }

    /// Another connection to it, without a default place of this side.
    func inOwnPlace() async throws -> any Trainer { try await RemoteTrainer(at: trainer.address) }

    /// Checks what the service promises beside the protocol.
    func probe(_ batch: TextTrainBatch, beginning: String, workspace: String) async throws {
        try await ServiceProbe(at: trainer.address, beginning: beginning, workspace: workspace).check(batch)
    }

    func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        try await trainer.forwardBackward(batch, loss: loss)
    }
    func optimStep(_ optimizer: OptimizerOptions?) async throws -> OptimStepResult { try await trainer.optimStep(optimizer) }
    func clearGradients() async throws { try await trainer.clearGradients() }
    func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs { try await trainer.forward(inputs) }
    func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        try await trainer.save(name: name, path: path, weightsOnly: weightsOnly)
    }
    func load(_ path: String?) async throws -> LoadedCheckpoint { try await trainer.load(path) }
    func config() async throws -> TrainerConfig { try await trainer.config() }
    func status() async throws -> TrainerStatus { try await trainer.status() }
    func tokenizer() async throws -> any Tokenizer { try await trainer.tokenizer() }
}
#endif
