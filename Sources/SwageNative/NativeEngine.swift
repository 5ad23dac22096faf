import Foundation
import Swage
import SwageFiles

/// The model, its gradients and its optimizer, one call at a time.
///
/// ``NativeTrainer`` and ``NativeSampler`` are two faces of one engine, and so share its weights.
actor NativeEngine {
    nonisolated let executor = EngineExecutor()
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    nonisolated let files: ModelFiles
    nonisolated let defaultLoss: LossFunction
    nonisolated let store: CheckpointStore
    /// How many numbered checkpoints stay; nil for all.
    let keptCheckpoints: Int?

    /// What a step adds up to: everything that a checkpoint holds beside tensors.
    struct State {
        var step = 0
        var accumulatedMicrobatches = 0
        /// The sum of the microbatches' denominators.
        var accumulatedDenominator = 0.0
        var options: OptimizerOptions
    }

    let model: DecoderModel
    var state: State
    /// Zero wherever nothing is accumulated; nil until the first backward pass.
    var gradients: FloatBuffer?
    /// Nil until the first step.
    var optimizer: AdamW?
    private var activations: Activations?
    private var flow: GradientActivations?
    private var scratch: AttentionScratch?
    private var derivatives: [LossProgram: LossDerivative] = [:]

    init(
        _ files: ModelFiles, optimizer: OptimizerOptions, loss: LossFunction, checkpointDirectory: String,
        keptCheckpoints: Int?, threads: Int?
    ) throws {
        try optimizer.validate()
        guard keptCheckpoints ?? 1 > 0 else {
            throw TrainerError(.invalidOption, "keptCheckpoints is \(keptCheckpoints ?? 0)", expected: "1 or more, or nil")
        }
        _ = try BLASLibrary.bind()
        self.files = files
        defaultLoss = loss
        store = CheckpointStore(directory: checkpointDirectory)
        self.keptCheckpoints = keptCheckpoints
        let team = ThreadTeam(count: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        model = try DecoderModel(files, team: team)
        state = State(options: optimizer)
    }

    /// The outputs of the model that this engine gives to losses.
    static let lossOutputs = Set(ModelOutput.allCases)

    var vocabularySize: Int { model.configuration.vocabularySize }

    func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) throws -> ForwardBackwardResult {
        let loss = loss ?? defaultLoss
        try batch.validate(vocabularySize: vocabularySize)
        try loss.validate(
            batch: batch, engineOutputs: Self.lossOutputs, vocabularySize: vocabularySize, hiddenSize: model.hidden)
        try Task.checkCancellation()

        let tokens = FlatBatch(inputIDs: batch.inputIDs, segmentIDs: batch.segmentIDs, mask: batch.targetMask)
        let activations = activations(for: tokens, keepsLayers: true)
        try runForward(tokens, activations) { try Task.checkCancellation() }
        try Task.checkCancellation()

        let pass = LossPass(
            loss: loss, derivative: derivative(of: loss), batch: batch, tokens: tokens, model: model,
            output: activations.output.start)
        let flow = flow(for: tokens)
        let gradients = gradients ?? FloatBuffer(count: model.layout.count)
        self.gradients = gradients
        let restore = headRestoration(gradients)
        let value: LossPass.Value
        do {
            flow.residual.start.update(repeating: 0, count: tokens.count * model.hidden)
            value = try pass.run(residual: flow.residual.start, into: gradients) { try Task.checkCancellation() }
        } catch {
            restore()
            throw error
        }
        // From here on nothing fails: what has begun to be added is added whole.
        model.backward(tokens, activations, flow, into: gradients, scratch: scratch(for: tokens, forBackward: true))
        state.accumulatedMicrobatches += 1
        state.accumulatedDenominator += value.denominator
        return ForwardBackwardResult(loss: value.loss, metrics: value.metrics)
    }

    func optimStep() throws -> OptimStepResult {
        guard state.accumulatedMicrobatches > 0, let gradients else {
            throw TrainerError(
                .nothingAccumulated, "optimStep was called at step \(state.step) with no gradients accumulated",
                expected: "forwardBackward before it")
        }
        let optimizer = optimizer ?? AdamW(model.layout, team: model.team)
        self.optimizer = optimizer
        let norm = optimizer.norm(of: gradients) / state.accumulatedDenominator
        guard norm.isFinite else {
            throw TrainerError(
                .nonFinite, "the gradient norm at step \(state.step) is \(norm), so the step was not taken",
                expected: "a finite norm; clearGradients drops these gradients")
        }
        let clip = state.options.maxGradientNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
        let learningRate = state.options.learningRate(afterSteps: state.step)
        optimizer.step(
            model.parameters, gradients, options: state.options, learningRate: learningRate, step: state.step + 1,
            gradientScale: clip / state.accumulatedDenominator)
        let microbatches = state.accumulatedMicrobatches
        state.step += 1
        state.accumulatedMicrobatches = 0
        state.accumulatedDenominator = 0
        return OptimStepResult(
            step: state.step, learningRate: learningRate, accumulatedMicrobatches: microbatches, gradientNorm: norm)
    }

    func clearGradients() {
        gradients?.clear()
        state.accumulatedMicrobatches = 0
        state.accumulatedDenominator = 0
    }

    func status() -> TrainerStatus {
        TrainerStatus(step: state.step, accumulatedMicrobatches: state.accumulatedMicrobatches)
    }

    func forward(_ inputs: ForwardInputs) throws -> ForwardOutputs {
        try inputs.validate(vocabularySize: vocabularySize)
        let wantsAll = inputs.outputs.contains(.logits) || inputs.outputs.contains(.hiddenStates)
        let tokens = FlatBatch(
            inputIDs: inputs.inputIDs, segmentIDs: inputs.segmentIDs, mask: wantsAll ? nil : inputs.targetMask)
        let activations = activations(for: tokens, keepsLayers: false)
        try runForward(tokens, activations) { try Task.checkCancellation() }
        return try ForwardPass(inputs: inputs, tokens: tokens, model: model, output: activations.output.start)
            .run { try Task.checkCancellation() }
    }

    /// Runs the layers over whole sequences.
    func runForward(_ tokens: FlatBatch, _ activations: Activations, checkpoint: () throws -> Void) rethrows {
        let scratch = scratch(for: tokens, forBackward: activations.keepsLayers)
        try model.forward(
            tokens, activations,
            attend: { index, layer in
                Attention(model, layer: index, scratch: scratch).forward(layer, segments: tokens.segments)
            },
            checkpoint: checkpoint)
    }

    /// Undoes what a failed loss pass has added to the gradients of the output head and the final norm.
    private func headRestoration(_ gradients: FloatBuffer) -> () -> Void {
        let layout = model.layout
        let ranges = layout.parameters.filter { $0.offset == layout.head || $0.offset == layout.finalNorm }.map(\.range)
        guard state.accumulatedMicrobatches > 0 else { return gradients.clear }
        let saved = ranges.map { Array(UnsafeBufferPointer(start: gradients.start + $0.lowerBound, count: $0.count)) }
        return {
            for (range, values) in zip(ranges, saved) {
                (gradients.start + range.lowerBound).update(from: values, count: values.count)
            }
        }
    }

    private func derivative(of loss: LossFunction) -> LossDerivative {
        if let known = derivatives[loss.program] { return known }
        let derivative = LossDerivative(loss.program)
        derivatives[loss.program] = derivative
        return derivative
    }

    func activations(for tokens: FlatBatch, keepsLayers: Bool) -> Activations {
        // Memory that keeps layers serves a pass that does not, as long as it is large enough.
        if let activations, activations.capacity >= tokens.count, activations.keepsLayers || !keepsLayers {
            return activations
        }
        activations = nil
        let fresh = Activations(model, tokens: tokens.count, keepsLayers: keepsLayers)
        activations = fresh
        return fresh
    }

    private func flow(for tokens: FlatBatch) -> GradientActivations {
        if let flow, flow.capacity >= tokens.count { return flow }
        flow = nil
        let fresh = GradientActivations(model, tokens: tokens.count)
        flow = fresh
        return fresh
    }

    private func scratch(for tokens: FlatBatch, forBackward: Bool) -> AttentionScratch {
        if let scratch, scratch.longest >= tokens.longestSegment, scratch.isForBackward || !forBackward {
            return scratch
        }
        scratch = nil
        let fresh = AttentionScratch(team: model.team, longest: tokens.longestSegment, forBackward: forBackward)
        scratch = fresh
        return fresh
    }
}
