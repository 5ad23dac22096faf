import Swage
import Synchronization

/// The last call that a check has made, for what is said where a promise is broken.
final class LastCall: Sendable {
    private let call = Mutex<String?>(nil)

    func note(_ words: String) { call.withLock { $0 = words } }

    /// What stands after a failure.
    var words: String { call.withLock { $0 }.map { "; the last call was \($0)" } ?? "" }
}

/// A trainer whose calls are noted.
struct NotedTrainer: Trainer {
    let trainer: any Trainer
    let calls: LastCall

    func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        calls.note("forwardBackward of inputs \(batch.inputIDs.shape)\(loss.map { " with the loss \"\($0.name)\"" } ?? "")")
        return try await trainer.forwardBackward(batch, loss: loss)
    }

    func optimStep(_ optimizer: OptimizerOptions?) async throws -> OptimStepResult {
        calls.note("optimStep\(optimizer.map { " with the learning rate \($0.learningRate)" } ?? "")")
        return try await trainer.optimStep(optimizer)
    }

    func clearGradients() async throws {
        calls.note("clearGradients")
        try await trainer.clearGradients()
    }

    func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs {
        calls.note("forward of inputs \(inputs.inputIDs.shape) for \(inputs.outputs.map(\.rawValue).sorted().joined(separator: ", "))")
        return try await trainer.forward(inputs)
    }

    func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        calls.note("save of name \(name ?? "nil"), path \(path ?? "nil")\(weightsOnly ? ", weights only" : "")")
        return try await trainer.save(name: name, path: path, weightsOnly: weightsOnly)
    }

    func load(_ path: String?) async throws -> LoadedCheckpoint {
        calls.note("load of \(path ?? "the newest")")
        return try await trainer.load(path)
    }

    func config() async throws -> TrainerConfig { try await trainer.config() }
    func status() async throws -> TrainerStatus { try await trainer.status() }
    func tokenizer() async throws -> any Tokenizer { try await trainer.tokenizer() }
}
