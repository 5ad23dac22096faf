import Foundation
public import Swage
import SwageFiles

/// The trainer that runs in the calling process: full fine-tuning in float32, on the CPU, of decoder models of many families.
///
/// ```swift
/// let trainer = try await NativeTrainer(model: "SmolLM2-135M-Instruct.gguf")
/// let result = try await trainer.forwardBackward(batch)
/// let step = try await trainer.optimStep()
/// ```
///
/// At a fixed number of threads, the same calls give the same bits.
///
/// A call whose task is cancelled ends at once where it waits for its turn, and otherwise at the next layer. Only the backward pass
/// of a microbatch that adds to others, and is one slice of at most 16,384 tokens, goes on to its end: what it adds to would have to
/// be copied before, for several percent of its time.
public struct NativeTrainer: Trainer {
    let engine: NativeEngine

    /// Opens a model for training.
    ///
    /// - Parameters:
    ///   - model: a GGUF file, or a folder in Hugging Face's layout.
    ///   - optimizer: how parameters follow their gradients.
    ///   - loss: the loss of calls that name none.
    ///   - checkpointDirectory: the default place of checkpoints.
    ///   - keptCheckpoints: how many of the checkpoints that `save()` has numbered stay there; nil for all.
    ///   - chatTemplate: the name of a chat template (`chatml`, `llama3`, `qwen3`), a file, or a Jinja template, instead of the model's.
    ///   - threads: how many threads share the work; nil for one a core.
    ///   - profiles: whether ``profile()`` is recorded. It costs microseconds a step.
    ///   - matrixLibrary: what multiplies matrices.
    /// - Throws: ``Swage/TrainerError`` if the model cannot be read, or a library that was named not be loaded.
    public init(
        model: String, optimizer: OptimizerOptions = .init(), loss: LossFunction = .crossEntropy,
        checkpointDirectory: String = "swage-checkpoints", keptCheckpoints: Int? = nil, chatTemplate: String? = nil,
        threads: Int? = nil, profiles: Bool = false, matrixLibrary: MatrixLibrary = .automatic
    ) async throws {
        let files = try ModelFiles.open(model, chatTemplate: chatTemplate)
        engine = try NativeEngine(
            files, optimizer: optimizer, loss: loss, checkpointDirectory: checkpointDirectory,
            keptCheckpoints: keptCheckpoints, threads: threads, profiles: profiles, matrixLibrary: matrixLibrary)
    }

    /// What the model's files hold and this engine does not read, in a sentence; nil if it reads all.
    package var unreadTensors: String? { get throws { try engine.files.unreadSummary } }

    /// Where the time of all calls so far has gone; nil without `profiles`.
    public func profile() async -> NativeProfile? { await engine.profile() }

    /// A sampler that writes with this trainer's weights, as they are at each call. Nothing is copied.
    public var sampler: NativeSampler { NativeSampler(sharing: engine) }

    public func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        try await engine.turns.pass { try await engine.forwardBackward(batch, loss: loss) }
    }

    public func optimStep(_ optimizer: OptimizerOptions?) async throws -> OptimStepResult {
        try await engine.turns.pass { try await engine.optimStep(optimizer) }
    }

    public func clearGradients() async throws { try await engine.turns.pass { await engine.clearGradients() } }

    public func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs {
        try await engine.turns.pass { try await engine.forward(inputs) }
    }

    public func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        try await engine.turns.pass { try await engine.save(name: name, path: path, weightsOnly: weightsOnly) }
    }

    public func load(_ path: String?) async throws -> LoadedCheckpoint {
        try await engine.turns.pass { try await engine.load(path) }
    }

    public func config() async throws -> TrainerConfig {
        let configuration = engine.files.configuration
        return TrainerConfig(
            modelName: configuration.name, modelConfiguration: configuration.reported,
            parallelism: Parallelism(device: "cpu"), capabilities: Capabilities(generates: true, dtype: "float32", optimizerPerStep: true))
    }

    public func status() async throws -> TrainerStatus { engine.status() }

    public func tokenizer() async throws -> any Tokenizer { try engine.files.tokenizer.get() }
}
