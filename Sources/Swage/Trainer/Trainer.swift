/// An engine that trains one language model, seen from an application.
///
/// Applications are written against this protocol alone, and run on every engine. A conforming type keeps
/// these promises, which the `SwageConformance` suite checks through the protocol:
///
/// 1. `forwardBackward` changes no parameter, and `forward` changes nothing at all.
/// 2. k microbatches followed by a step equal one batch followed by a step, up to rounding, also when the
///    microbatches have different numbers of unmasked tokens. Their results, combined, are that of the one batch.
/// 3. After `clearGradients` it is as if the cleared microbatches had never been.
/// 4. A call that throws leaves the state as it was.
/// 5. After `load`, the state is that of the `save`, and going on gives the same losses.
/// 6. A checkpoint is complete or it is not there.
/// 7. Masked targets, padding, and the content of a packed neighbor change nothing.
/// 8. Bad input is a ``TrainerError`` that says what, where, and what was expected.
/// 9. Engines given the same weights, batch and loss agree to 1e-4 (relative, float32).
///
/// Concurrent calls are safe: they run one after another, each of them atomic; who wants them in an order awaits each before
/// the next. Only `status` and `config` wait for none that is under way: they say what the last call that has finished left.
/// Every call may also throw `CancellationError` when its task is cancelled before the call has changed anything.
public protocol Trainer: Sendable {
    /// Runs one microbatch forward and backward, and adds its gradients to those already accumulated.
    ///
    /// - Parameters:
    ///   - batch: inputs, targets and what the loss reads, `[batch, sequence]` each.
    ///   - loss: the loss to differentiate; nil for the one the trainer was made with.
    /// - Throws: ``TrainerError`` with code `invalidShape`, `invalidBatch` or `tokenOutOfRange` for a batch that
    ///   does not fit the model, `invalidLoss` for a loss that does not fit the engine or the batch, `tooLarge` for
    ///   what needs more memory than there is, and `nonFinite` for a loss that is NaN or infinite.
    func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult

    /// Divides the accumulated gradients by the accumulated denominators, clips and applies them, steps the
    /// learning-rate schedule, clears the gradients, and adds one to the step.
    ///
    /// - Parameter optimizer: the options of this one step; nil for those the trainer was made with.
    /// - Throws: ``TrainerError`` with code `nothingAccumulated`, or `nonFinite` if the gradient norm is NaN or
    ///   infinite, or a weight would be; `invalidOption` for options that no training could use, and `unsupported` for any where
    ///   ``Capabilities/optimizerPerStep`` is false. The step is then refused and the gradients are kept; `clearGradients`
    ///   drops them.
    func optimStep(_ optimizer: OptimizerOptions?) async throws -> OptimStepResult

    /// Drops the accumulated gradients and their count. Parameters and optimizer stay as they are.
    func clearGradients() async throws

    /// Runs the model forward and returns the outputs that `inputs` asks for. Nothing is kept.
    /// - Throws: ``TrainerError`` as `forwardBackward` does.
    func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs

    /// Writes a checkpoint, complete or not at all.
    ///
    /// Both `name` and `path` given, it goes to `path/name`; only `path`, to `path`; only `name`, to `name` in the
    /// trainer's default place; neither, to `step-N` there, or `weights-step-N` when `weightsOnly`.
    /// An existing checkpoint of that name is replaced at once, when the new one is complete.
    ///
    /// - Throws: ``TrainerError`` with code `inputOutput` if it cannot be written.
    func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint

    /// Restores a full or a weights-only checkpoint; nil means the newest complete one in the default place.
    ///
    /// A full checkpoint restores everything: weights, optimizer, schedule, step, accumulated gradients.
    /// A weights-only checkpoint restores the weights and starts anew: fresh optimizer, step 0, nothing accumulated.
    ///
    /// - Throws: ``TrainerError`` with code `checkpointNotFound`, `checkpointMismatch`, `corruptFile` or `inputOutput`.
    func load(_ path: String?) async throws -> LoadedCheckpoint

    /// What does not change while the trainer lives.
    func config() async throws -> TrainerConfig

    /// What changes with training, as the last call that has finished left it.
    func status() async throws -> TrainerStatus

    /// The tokenizer of the model.
    func tokenizer() async throws -> any Tokenizer
}

extension Trainer {
    /// Runs one microbatch with the loss the trainer was made with. See ``forwardBackward(_:loss:)``.
    public func forwardBackward(_ batch: TextTrainBatch) async throws -> ForwardBackwardResult {
        try await forwardBackward(batch, loss: nil)
    }

    /// Takes a step with the options the trainer was made with. See ``optimStep(_:)``.
    public func optimStep() async throws -> OptimStepResult { try await optimStep(nil) }

    /// Writes a checkpoint. See ``save(name:path:weightsOnly:)``.
    public func save(name: String? = nil, path: String? = nil) async throws -> SavedCheckpoint {
        try await save(name: name, path: path, weightsOnly: false)
    }

    /// Restores the newest complete checkpoint in the default place.
    public func load() async throws -> LoadedCheckpoint {
        try await load(nil)
    }
}
