import Foundation
import Swage
import SwageFiles
import Synchronization

/// The model, its gradients and its optimizer, one call at a time.
///
/// ``NativeTrainer`` and ``NativeSampler`` are two faces of one engine, and so share its weights.
actor NativeEngine {
    nonisolated let executor = EngineExecutor()
    /// Where calls wait for their turn. A cancellation ends those, and could not reach what waits for the actor.
    nonisolated let turns = CallGate(mostCalls: 1)
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
    /// Changed once in each call, when the call has done its work.
    var state: State {
        didSet {
            published.withLock {
                $0 = TrainerStatus(step: state.step, accumulatedMicrobatches: state.accumulatedMicrobatches)
            }
        }
    }
    /// What the last call that has finished left, for those who ask while another is under way.
    private nonisolated let published = Mutex(TrainerStatus(step: 0, accumulatedMicrobatches: 0))
    /// Nil until the first backward pass.
    var gradients: GradientSum?
    /// Nil until the first step.
    var optimizer: AdamW?
    let workspace: Workspace
    let spares: SpareBuffers
    /// Those of the losses that came last, and no more than some tens of megabytes.
    private var derivatives = BoundedCache<LossProgram, LossDerivative>(count: 64, size: 1 << 15)

    init(
        _ files: ModelFiles, optimizer: OptimizerOptions = .init(), loss: LossFunction = .crossEntropy,
        checkpointDirectory: String = "swage-checkpoints", keptCheckpoints: Int? = nil, threads: Int?, profiles: Bool = false,
        inEightBits: Bool = false, matrixLibrary: MatrixLibrary = .automatic
    ) throws {
        try optimizer.validate()
        guard keptCheckpoints ?? 1 > 0 else {
            throw TrainerError(.invalidOption, "keptCheckpoints is \(keptCheckpoints ?? 0)", expected: "1 or more, or nil")
        }
        try matrixLibrary.use()
        self.files = files
        defaultLoss = loss
        store = CheckpointStore(directory: checkpointDirectory)
        self.keptCheckpoints = keptCheckpoints
        let team = try ThreadTeam(count: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        model = try DecoderModel(files, team: team, profiler: profiles ? Profiler() : nil, inEightBits: inEightBits)
        workspace = Workspace(model)
        spares = SpareBuffers(count: model.layout.count, team: team)
        state = State(options: optimizer)
    }

    /// How many tokens of a batch run at once where a loss allows slices: enough for products at full speed, and few
    /// enough for activations to stay small beside weights, gradients and moments.
    private static let sliceTokens = 640
    /// So many tokens in a slice keep the backward pass busy for long.
    private static let longSlice = 16_384

    /// The outputs of the model that this engine gives to losses.
    static let lossOutputs = Set(ModelOutput.allCases)

    var weightBytes: Int { model.weightBytes }
    var weightsAddress: Int { Int(bitPattern: model.parameters.start) }
    var vocabularySize: Int { model.configuration.vocabularySize }

    /// Where the time has gone; nil if the engine was not told to profile.
    func profile() -> NativeProfile? { model.profiler?.result(waited: model.team.waited) }

    /// Runs a call of the engine, whose time the profile counts.
    func call<Result>(_ body: () throws -> Result) rethrows -> Result {
        model.profiler?.beginCall()
        defer { model.profiler?.endCall() }
        return try body()
    }

    func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) throws -> ForwardBackwardResult {
        try call { try withCheckpoint { try runForwardBackward(batch, loss: loss, checkpoint: $0) } }
    }

    private func runForwardBackward(
        _ batch: TextTrainBatch, loss: LossFunction?, checkpoint: @escaping () throws -> Void
    ) throws -> ForwardBackwardResult {
        let loss = loss ?? defaultLoss
        try batch.validate(vocabularySize: vocabularySize)
        try loss.validate(
            batch: batch, engineOutputs: Self.lossOutputs, vocabularySize: vocabularySize, hiddenSize: model.hidden)
        try checkpoint()
        try Self.requireBookkeeping(of: batch.inputIDs)

        let sequences = TokenSequence.all(inputIDs: batch.inputIDs, segmentIDs: batch.segmentIDs, mask: batch.targetMask)
        let derivative = derivative(of: loss)
        try LossMemory(loss, derivative, batch: batch, model: model).check()
        var pass = LossPass(
            loss: loss, derivative: derivative, batch: batch, model: model, scratch: workspace.head,
            checkpoint: checkpoint)
        let slices =
            pass.canBeSliced
            ? FlatBatch.slices(sequences, limit: Self.sliceTokens, sharing: model.sharesBeginnings)
            : [FlatBatch(sequences, sharing: model.sharesBeginnings)]
        let gradients = try gradients ?? GradientSum(model.layout, team: model.team, holding: spares.take(for: "the gradients")[0])
        self.gradients = gradients
        let isAccumulating = state.accumulatedMicrobatches > 0
        // A copy of what is accumulated costs some percent of a usual microbatch, and is made where that is long.
        let isCopied = isAccumulating && (slices.count > 1 || slices[0].count > Self.longSlice)
        let restore = isAccumulating ? try gradients.backup(whole: isCopied) : {}
        // Without one, a backward pass that adds to others cannot be ended halfway.
        let canEnd = !isAccumulating || isCopied
        var result: ForwardBackwardResult!
        do {
            for (index, slice) in slices.enumerated() {
                gradients.begin(accumulating: isAccumulating || index > 0)
                let activations = try workspace.activations(for: slice, keepsLayers: true)
                try runForward(slice, activations, checkpoint: checkpoint)
                try checkpoint()
                let flow = try workspace.gradients(for: slice)
                flow.residual.update(repeating: 0, count: slice.count * model.hidden)
                try pass.run(slice, output: activations.output, residual: flow.residual, into: gradients)
                // The last chance to fail. What the backward pass of a slice adds, only a whole backup takes back.
                if index + 1 == slices.count { result = try pass.value() }
                try model.backward(
                    slice, activations, flow, into: gradients, scratch: workspace.attention, checkpoint: canEnd ? checkpoint : {})
            }
        } catch {
            restore()
            throw error
        }
        var next = state
        next.accumulatedMicrobatches += 1
        next.accumulatedDenominator += result.denominator
        state = next
        return result
    }

    func optimStep(_ options: OptimizerOptions?) throws -> OptimStepResult {
        try options?.validate()
        return try call { try model.profiler.measure(.optimizer) { try step(options ?? state.options) } }
    }

    private func step(_ options: OptimizerOptions) throws -> OptimStepResult {
        guard state.accumulatedMicrobatches > 0, let gradients else {
            throw TrainerError(
                .nothingAccumulated, "optimStep was called at step \(state.step) with no gradients accumulated",
                expected: "forwardBackward before it")
        }
        let optimizer =
            try optimizer
            ?? AdamW(model.layout, team: model.team, moments: spares.take(2, for: "the optimizer's moments"), largestMean: 0)
        self.optimizer = optimizer
        let norm = optimizer.norm(of: gradients.buffer) / state.accumulatedDenominator
        guard norm.isFinite else {
            throw TrainerError(
                .nonFinite, "the gradient norm at step \(state.step) is \(norm), so the step was not taken",
                expected: "a finite norm")
        }
        let clip = options.maxGradientNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
        let learningRate = options.learningRate(afterSteps: state.step)
        try optimizer.step(
            model.parameters, gradients.buffer, options: options, learningRate: learningRate, step: state.step + 1,
            gradientScale: clip / state.accumulatedDenominator, norm: norm * clip)
        let microbatches = state.accumulatedMicrobatches
        state = State(step: state.step + 1, options: state.options)
        return OptimStepResult(
            step: state.step, learningRate: learningRate, accumulatedMicrobatches: microbatches, gradientNorm: norm)
    }

    func clearGradients() { state = State(step: state.step, options: state.options) }

    /// What the last call that has finished left. Waits for none that is under way.
    nonisolated func status() -> TrainerStatus { published.withLock { $0 } }

    func forward(_ inputs: ForwardInputs) throws -> ForwardOutputs { try call { try runForward(inputs) } }

    private func runForward(_ inputs: ForwardInputs) throws -> ForwardOutputs {
        try inputs.validate(vocabularySize: vocabularySize)
        try Self.requireBookkeeping(of: inputs.inputIDs)
        for (output, width) in [(ModelOutput.logits, vocabularySize), (.hiddenStates, model.hidden)]
        where inputs.outputs.contains(output) {
            try MemoryBudget.require(
                inputs.inputIDs.shape + [width], of: Float.self, for: "the \(output.rawValue) of all positions")
        }
        let wantsAll = inputs.outputs.contains(.logits) || inputs.outputs.contains(.hiddenStates)
        let sequences = TokenSequence.all(
            inputIDs: inputs.inputIDs, segmentIDs: inputs.segmentIDs, mask: wantsAll ? nil : inputs.targetMask)
        // Outputs of every position come in the batch's order.
        let tokens = FlatBatch(sequences, sharing: !wantsAll && model.sharesBeginnings)
        let activations = try workspace.activations(for: tokens, keepsLayers: false)
        try runForward(tokens, activations) { try Task.checkCancellation() }
        return try ForwardPass(
            inputs: inputs, tokens: tokens, model: model, output: activations.output, scratch: workspace.head
        ).run { try Task.checkCancellation() }
    }

    /// What is noted of each token, and of each row, beside what is computed.
    private static func requireBookkeeping(of ids: Tensor<Int32>) throws {
        let bytesEach = 128
        try MemoryBudget.require(
            bytes: elementCount([ids.scalars.count, bytesEach]), for: "a batch of \(ids.scalars.count) tokens")
    }

    /// Runs the layers over whole sequences.
    func runForward(_ tokens: FlatBatch, _ activations: Activations, checkpoint: () throws -> Void) throws {
        try model.forward(
            tokens, activations,
            attend: { index, layer in
                try Attention(model, layer: index, scratch: workspace.attention).forward(layer, checkpoint: checkpoint)
            },
            checkpoint: checkpoint)
    }

    private func derivative(of loss: LossFunction) -> LossDerivative {
        derivatives.value(for: loss.program, size: \.program.nodes.count) { LossDerivative(loss.program) }
    }
}
