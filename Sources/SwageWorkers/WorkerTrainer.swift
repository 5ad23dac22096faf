#if Engines
import Foundation
public import Swage
import SwageFiles
import SwageRemote

/// A trainer whose work is done by a worker process in Python.
public protocol WorkerTrainer: Trainer {
    /// The model in its worker process, to which every call goes except `tokenizer`.
    var worker: Worker { get }
    /// The tokenizer of the model's files.
    var ownTokenizer: Result<any Tokenizer, TrainerError> { get }
}

extension WorkerTrainer {
    public func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        try await worker.call { try await $0.forwardBackward(batch, loss: loss) }
    }

    public func optimStep(_ optimizer: OptimizerOptions?) async throws -> OptimStepResult {
        try await worker.call { try await $0.optimStep(optimizer) }
    }

    public func clearGradients() async throws { try await worker.call { try await $0.clearGradients() } }

    public func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs {
        try await worker.call { try await $0.forward(inputs) }
    }

    public func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        try await worker.call { try await $0.save(name: name, path: path, weightsOnly: weightsOnly) }
    }

    /// Restores a checkpoint, in a new worker if the one before has died.
    public func load(_ path: String?) async throws -> LoadedCheckpoint { try await worker.load(path) }

    public func config() async throws -> TrainerConfig { try await worker.call { try await $0.config() } }

    public func status() async throws -> TrainerStatus { try await worker.call { try await $0.status() } }

    public func tokenizer() async throws -> any Tokenizer { try ownTokenizer.get() }

    /// Whether the worker says that it serves.
    public func isServing() async throws -> Bool { try await worker.call { try await $0.isServing() } }
}

/// Lets the model of a worker write, with its trainer's weights as they are.
public struct WorkerSampler: Sampler {
    private let worker: Worker
    private let endOfSequenceIDs: [Int32]

    init(_ trainer: some WorkerTrainer) {
        worker = trainer.worker
        endOfSequenceIDs = (try? trainer.ownTokenizer.get())?.endOfSequenceIDs ?? []
    }

    public var sharesWeights: Bool { true }

    public func updateWeights(from checkpoint: String, version: Int) async throws {}

    public func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) async throws -> [Completion] {
        try await worker.call { [endOfSequenceIDs] in
            try await RemoteSampler($0, endOfSequenceIDs: endOfSequenceIDs).generate(prompts, options: options, onToken: onToken)
        }
    }
}

/// What every engine in a worker is told of a model and its training.
struct WorkerOptions: Encodable {
    var model: String
    var name: String
    var optimizer: OptimizerOptions
    var loss: LossFunction
    var checkpointDirectory: String
    var keptCheckpoints: Int?
    /// What to write beside exported weights, by file name.
    var companions: [String: Data]
    var address: String
    var scratch: String

    init(
        _ start: Worker.Start, model: ForeignModel, optimizer: OptimizerOptions, loss: LossFunction,
        checkpointDirectory: String, keptCheckpoints: Int?
    ) {
        (self.model, address, scratch) = (start.model, start.address, start.scratch)
        (self.optimizer, self.loss, self.keptCheckpoints) = (optimizer, loss, keptCheckpoints)
        self.checkpointDirectory = absolute(checkpointDirectory)
        companions = model.companions
        name = model.name
    }

    /// One JSON object of these options and an engine's own.
    func joined(with own: some Encodable) throws -> Data {
        try JSONEncoder().encode(JoinedOptions(common: self, own: own))
    }
}

private struct JoinedOptions<Own: Encodable>: Encodable {
    let common: WorkerOptions
    let own: Own

    func encode(to encoder: any Encoder) throws {
        try common.encode(to: encoder)
        try own.encode(to: encoder)
    }
}
#endif
