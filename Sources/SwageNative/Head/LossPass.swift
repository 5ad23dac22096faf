import SwageFiles
import Swage

/// From the last layer's output to the loss, and back to the gradient of that output.
struct LossPass {
    /// Whether the loss's gradient by its outputs is known before them. Forward and backward then share one product,
    /// and the batch can be run in slices.
    let canBeSliced: Bool
    private let loss: LossFunction
    private let derivative: LossDerivative
    private let model: DecoderModel
    private let scratch: OutputHeadScratch
    private let batch: TextTrainBatch
    private let checkpoint: () throws -> Void
    private var environment: LossProgram.Environment

    /// - Parameter checkpoint: called between pieces of work, by any thread; what it throws ends the pass.
    init(
        loss: LossFunction, derivative: LossDerivative, batch: TextTrainBatch, model: DecoderModel,
        scratch: OutputHeadScratch, checkpoint: @escaping () throws -> Void
    ) {
        self.checkpoint = checkpoint
        self.loss = loss
        self.derivative = derivative
        self.batch = batch
        self.model = model
        self.scratch = scratch
        environment = LossProgram.Environment(
            loss.program, batch: batch, vocabulary: model.configuration.vocabularySize, hidden: model.hidden)
        canBeSliced =
            loss.program.outputsRead == [.logProbs] && derivative.outputGradients[.logProbs] != nil
            && derivative.isIndependentOfOutputs(Array(derivative.outputGradients.values))
        if canBeSliced { environment.outputs[.logProbs] = Tensor(repeating: 0, shape: batch.inputIDs.shape) }
    }

    /// Computes the loss of `tokens` and adds the gradients of the output head and the final norm to `gradients`.
    ///
    /// - Parameters:
    ///   - output: the last layer's output, `[N, C]`.
    ///   - residual: receives its gradient, `[N, C]`; zero before.
    /// - Throws: ``TrainerError`` with code `nonFinite` or `tooLarge`, or what the checkpoint throws. `gradients` may then
    ///   hold part of the sum.
    mutating func run(
        _ tokens: FlatBatch, output: UnsafePointer<Float>, residual: UnsafeMutablePointer<Float>,
        into gradients: GradientSum
    ) throws {
        let positions = WantedPositions(tokens, of: batch)
        let head = try OutputHead(model, scratch, output: output, rows: positions.rows, targets: positions.targets)
        if canBeSliced {
            let flow = OutputHead.Gradients(
                logProbs: try outputGradient(.logProbs).map(positions.gather))
            let logProbs = try head.backward(flow, residual: residual, into: gradients, checkpoint: checkpoint)
            environment.outputs[.logProbs]!.update(logProbs.map(Double.init), at: positions.places)
            return
        }
        let inner = try InnerLoss(
            derivative, environment: environment, places: positions.places, team: model.team,
            checkpoint: checkpoint)
        try forward(head, positions, inner)
        _ = try value()
        let flow = try backwardFlow(inner, positions, into: gradients)
        _ = try head.backward(flow, residual: residual, into: gradients, checkpoint: checkpoint)
    }

    /// The loss, once all of the batch has run.
    /// - Throws: ``TrainerError`` with code `nonFinite`.
    func value() throws -> ForwardBackwardResult {
        let program = loss.program
        let values = try program.evaluate(program.roots, in: environment, checkpoint: checkpoint).map { $0.scalars[0] }
        let loss = values[0] / values[1]
        guard loss.isFinite, values[1] > 0, values[1].isFinite else {
            let origin = try program.originOfNonFinite(in: environment, checkpoint: checkpoint).map { ": \($0)" } ?? ""
            throw TrainerError(
                .nonFinite, "the loss \"\(self.loss.name)\" is \(values[0].isNaN ? .nan : values[0]) / \(values[1])\(origin)",
                expected: "a finite sum and a finite denominator above 0; too high a learning rate drives weights to where there is none")
        }
        return program.result(of: values)
    }

    /// Puts every output that the loss reads, and the frontier of its inner part, into the environment.
    private mutating func forward(_ head: OutputHead, _ positions: WantedPositions, _ inner: InnerLoss?) throws {
        let program = loss.program
        let (model, shape) = (model, batch.inputIDs.shape)
        func spread(_ values: [Double], _ rest: [Int] = []) -> Tensor<Double> {
            var tensor = Tensor(repeating: 0.0, shape: shape + rest)
            if !values.isEmpty { tensor.update(values, at: positions.places) }
            return tensor
        }
        var frontier = [[Double]](repeating: [], count: derivative.frontier.count)
        let needsAllLogits = program.outputsRead.contains(.logits) && inner == nil
        let vocabulary = model.configuration.vocabularySize
        var logits = [Double](repeating: 0, count: needsAllLogits ? shape[0] * shape[1] * vocabulary : 0)
        if !program.outputsRead.isDisjoint(with: [.logProbs, .entropy, .logits]) {
            let outputs = try head.forward(program.outputsRead, checkpoint: checkpoint) { chunk, chunkLogits in
                if let inner {
                    for (node, values) in try inner.frontier(chunk, logits: chunkLogits).enumerated() {
                        frontier[node] += values
                    }
                }
                if needsAllLogits {
                    for (index, row) in chunk.enumerated() {
                        let (from, to) = (chunkLogits + index * vocabulary, positions.places[row] * vocabulary)
                        for token in 0..<vocabulary { logits[to + token] = Double(from[token]) }
                    }
                }
            }
            environment.outputs[.logProbs] = spread(outputs.logProbs.map(Double.init))
            environment.outputs[.entropy] = spread(outputs.entropy.map(Double.init))
        }
        if needsAllLogits { environment.outputs[.logits] = Tensor(unchecked: logits, shape: shape + [vocabulary]) }
        for (node, values) in zip(derivative.frontier, frontier) {
            let shape = environment.extents.resolve(program.nodes[node].shape)
            environment.known[node] = spread(values, Array(shape[2...]))
        }
        if let inner { try addUncomputed(inner, positions) }
        if program.outputsRead.contains(.hiddenStates) {
            let states = UnsafeBufferPointer(start: head.normalized, count: positions.places.count * model.hidden)
            environment.outputs[.hiddenStates] = spread(states.map(Double.init), [model.hidden])
        }
        if program.outputsRead.contains(.outputHead) {
            let shape = [model.configuration.vocabularySize, model.hidden]
            let weights = UnsafeBufferPointer(start: model.parameters.start + model.layout.head, count: shape[0] * shape[1])
            environment.outputs[.outputHead] = Tensor(unchecked: weights.map(Double.init), shape: shape)
        }
    }

    /// Puts the values that the frontier has where logits are not computed into the environment, as far as they are not 0.
    private mutating func addUncomputed(_ inner: InnerLoss, _ positions: WantedPositions) throws {
        let nodes = derivative.frontierNotMasked
        guard !nodes.isEmpty, positions.places.count < batch.inputIDs.scalars.count else { return }
        let computed = Set(positions.places)
        let places = batch.inputIDs.scalars.indices.filter { !computed.contains($0) }
        for (node, values) in zip(nodes, try inner.values(of: nodes, atUncomputed: places)) {
            environment.known[node]!.update(values, at: places)
        }
    }

    /// What the head's backward pass starts from. The gradient by the output head itself is added at once.
    private func backwardFlow(
        _ inner: InnerLoss?, _ positions: WantedPositions, into gradients: GradientSum
    ) throws -> OutputHead.Gradients {
        var flow = OutputHead.Gradients()
        flow.logProbs = try outputGradient(.logProbs).map(positions.gather)
        flow.entropy = try outputGradient(.entropy).map(positions.gather)
        if let states = try outputGradient(.hiddenStates) {
            let buffer = try FloatBuffer(
                count: positions.places.count * model.hidden, for: "the gradients of hidden states")
            for (index, value) in positions.gather(states).enumerated() { buffer.start[index] = value }
            flow.normalized = buffer
        }
        if let weights = try outputGradient(.outputHead) {
            let target = gradients.start + model.layout.head
            for (index, value) in weights.scalars.enumerated() { target[index] += Float(value) }
        }
        if let inner {
            let seeds = try derivative.program.evaluate(
                derivative.frontierGradients, in: environment, checkpoint: checkpoint)
            flow.addToLogits = { chunk, logits, dlogits in
                try inner.addGradient(chunk, logits: logits, frontierGradients: seeds, to: dlogits)
            }
        } else if let all = try outputGradient(.logits).map(positions.gather) {
            let vocabulary = model.configuration.vocabularySize
            flow.addToLogits = { chunk, _, dlogits in
                for index in 0..<chunk.count * vocabulary { dlogits[index] += all[chunk.lowerBound * vocabulary + index] }
            }
        }
        return flow
    }

    /// The derivative of the loss's sum by an output; nil if the loss does not read it.
    private func outputGradient(_ output: ModelOutput) throws -> Tensor<Double>? {
        try derivative.outputGradients[output].map {
            try derivative.program.evaluate([$0], in: environment, checkpoint: checkpoint)[0]
        }
    }
}

/// The positions of a batch whose targets count.
private struct WantedPositions {
    /// As rows of the layers' output.
    let rows: [Int]
    /// As offsets into `[batch, sequence]`.
    let places: [Int]
    let targets: [Int32]

    init(_ tokens: FlatBatch, of batch: TextTrainBatch) {
        let wanted = tokens.outputs.filter { batch.targetMask?.scalars[$0.place] != 0 }
        rows = wanted.map(\.row)
        places = wanted.map(\.place)
        targets = places.map { batch.targetIDs.scalars[$0] }
    }

    /// The wanted positions out of a `[batch, sequence, …]` tensor.
    func gather(_ tensor: Tensor<Double>) -> [Float] {
        let size = tensor.shape[2...].reduce(1, *)
        return places.flatMap { place in tensor.scalars[place * size..<(place + 1) * size].map { Float($0) } }
    }
}

extension Tensor where Scalar == Double {
    /// Puts a run of values at each of `places` of a `[batch, sequence, …]` tensor.
    fileprivate mutating func update(_ values: [Double], at places: [Int]) {
        let size = shape[2...].reduce(1, *)
        var updated = scalars
        for (row, place) in places.enumerated() {
            for index in 0..<size { updated[place * size + index] = values[row * size + index] }
        }
        self = Tensor(unchecked: updated, shape: shape)
    }
}
