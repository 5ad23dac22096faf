import Swage

/// From the last layer's output to the loss, and back to the gradient of that output.
struct LossPass {
    struct Value {
        var loss: Double
        var denominator: Double
        var metrics: [String: Double]
    }

    private let loss: LossFunction
    private let derivative: LossDerivative
    private let model: DecoderModel
    private let head: OutputHead
    /// Where in `[batch, sequence]` each wanted position stands.
    private let places: [Int]
    private let environment: LossProgram.Environment

    init(
        loss: LossFunction, derivative: LossDerivative, batch: TextTrainBatch, tokens: FlatBatch,
        model: DecoderModel, output: UnsafePointer<Float>
    ) {
        self.loss = loss
        self.derivative = derivative
        self.model = model
        let wanted = tokens.sources.indices.filter { batch.targetMask?.scalars[tokens.sources[$0]] != 0 }
        places = wanted.map { tokens.sources[$0] }
        head = OutputHead(model, output: output, rows: wanted, targets: places.map { batch.targetIDs.scalars[$0] })
        environment = LossProgram.Environment(
            loss.program, batch: batch, vocabulary: model.configuration.vocabularySize, hidden: model.hidden)
    }

    /// Computes the loss, and adds the gradients of the output head and the final norm to `gradients`.
    ///
    /// - Parameter residual: receives the gradient of the last layer's output, `[N, C]`; zero before.
    /// - Throws: ``TrainerError`` with code `nonFinite`, or what `checkpoint` throws. `gradients` may then hold
    ///   part of the sum.
    func run(
        residual: UnsafeMutablePointer<Float>, into gradients: FloatBuffer, checkpoint: () throws -> Void
    ) throws -> Value {
        let program = loss.program
        // A derivative that reads no output lets forward and backward share one product.
        if program.outputsRead == [.logProbs], derivative.isIndependentOfOutputs(Array(derivative.outputGradients.values)) {
            let flow = OutputHead.Gradients(logProbs: outputGradient(.logProbs, in: environment).map(wanted))
            let logProbs = try head.backward(flow, residual: residual, into: gradients, checkpoint: checkpoint)
            var environment = environment
            environment.outputs[.logProbs] = spread(logProbs.map(Double.init))
            return try value(in: environment)
        }
        let inner = InnerLoss(derivative, environment: environment, places: places, team: model.team)
        let environment = try forward(inner, checkpoint)
        let value = try value(in: environment)
        let flow = backwardFlow(inner, environment, into: gradients)
        _ = try head.backward(flow, residual: residual, into: gradients, checkpoint: checkpoint)
        return value
    }

    /// The environment with every output that the loss reads, and the frontier of its inner part.
    private func forward(_ inner: InnerLoss?, _ checkpoint: () throws -> Void) throws -> LossProgram.Environment {
        let program = loss.program
        var environment = environment
        var frontier = [[Double]](repeating: [], count: derivative.frontier.count)
        var logits: [Double] = []
        let needsAllLogits = program.outputsRead.contains(.logits) && inner == nil
        if !program.outputsRead.isDisjoint(with: [.logProbs, .entropy, .logits]) {
            let outputs = try head.forward(program.outputsRead, checkpoint: checkpoint) { chunk, chunkLogits in
                if let inner {
                    for (node, values) in inner.frontier(chunk, logits: chunkLogits).enumerated() {
                        frontier[node] += values
                    }
                }
                if needsAllLogits {
                    let count = chunk.count * model.configuration.vocabularySize
                    logits += UnsafeBufferPointer(start: chunkLogits, count: count).map(Double.init)
                }
            }
            environment.outputs[.logProbs] = spread(outputs.logProbs.map(Double.init))
            environment.outputs[.entropy] = spread(outputs.entropy.map(Double.init))
        }
        if needsAllLogits { environment.outputs[.logits] = spread(logits, [model.configuration.vocabularySize]) }
        for (node, values) in zip(derivative.frontier, frontier) {
            let shape = environment.extents.resolve(program.nodes[node].shape)
            environment.known[node] = spread(values, Array(shape[2...]))
        }
        if program.outputsRead.contains(.hiddenStates) {
            let states = UnsafeBufferPointer(start: head.normalized.start, count: places.count * model.hidden)
            environment.outputs[.hiddenStates] = spread(states.map(Double.init), [model.hidden])
        }
        if program.outputsRead.contains(.outputHead) {
            let shape = [model.configuration.vocabularySize, model.hidden]
            let weights = UnsafeBufferPointer(start: model.parameters.start + model.layout.head, count: shape[0] * shape[1])
            environment.outputs[.outputHead] = Tensor(unchecked: weights.map(Double.init), shape: shape)
        }
        return environment
    }

    /// What the head's backward pass starts from. The gradient by the output head itself is added at once.
    private func backwardFlow(
        _ inner: InnerLoss?, _ environment: LossProgram.Environment, into gradients: FloatBuffer
    ) -> OutputHead.Gradients {
        var flow = OutputHead.Gradients()
        flow.logProbs = outputGradient(.logProbs, in: environment).map(wanted)
        flow.entropy = outputGradient(.entropy, in: environment).map(wanted)
        if let states = outputGradient(.hiddenStates, in: environment) {
            let buffer = FloatBuffer(count: places.count * model.hidden)
            for (index, value) in wanted(states).enumerated() { buffer.start[index] = value }
            flow.normalized = buffer
        }
        if let weights = outputGradient(.outputHead, in: environment) {
            let target = gradients.start + model.layout.head
            for (index, value) in weights.scalars.enumerated() { target[index] += Float(value) }
        }
        if let inner {
            let seeds = derivative.program.evaluate(derivative.frontierGradients, in: environment)
            flow.addToLogits = { chunk, logits, dlogits in
                inner.addGradient(chunk, logits: logits, frontierGradients: seeds, to: dlogits)
            }
        } else if let all = outputGradient(.logits, in: environment).map(wanted) {
            let vocabulary = model.configuration.vocabularySize
            flow.addToLogits = { chunk, _, dlogits in
                for index in 0..<chunk.count * vocabulary { dlogits[index] += all[chunk.lowerBound * vocabulary + index] }
            }
        }
        return flow
    }

    private func value(in environment: LossProgram.Environment) throws -> Value {
        let program = loss.program
        let wanted = [program.sum, program.denominator] + program.metrics.map(\.node)
        let values = program.evaluate(wanted, in: environment).map { $0.scalars[0] }
        let loss = values[0] / values[1]
        guard loss.isFinite, values[1] > 0 else {
            throw TrainerError(
                .nonFinite, "the loss \"\(self.loss.name)\" is \(values[0]) / \(values[1])",
                expected: "a finite sum and a denominator above 0")
        }
        let metrics = zip(program.metrics, values.dropFirst(2)).map { ($0.name, $1) }
        return Value(
            loss: loss, denominator: values[1], metrics: Dictionary(metrics, uniquingKeysWith: { _, last in last }))
    }

    /// The derivative of the loss's sum by an output; nil if the loss does not read it.
    private func outputGradient(_ output: ModelOutput, in environment: LossProgram.Environment) -> Tensor<Double>? {
        derivative.outputGradients[output].map { derivative.program.evaluate([$0], in: environment)[0] }
    }

    /// The wanted positions out of a `[batch, sequence, …]` tensor.
    private func wanted(_ tensor: Tensor<Double>) -> [Float] {
        let rest = tensor.shape[2...].reduce(1, *)
        return places.flatMap { place in tensor.scalars[place * rest..<(place + 1) * rest].map { Float($0) } }
    }

    /// Values of the wanted positions, put where they belong in `[batch, sequence, …]`, and 0 elsewhere.
    private func spread(_ values: [Double], _ rest: [Int] = []) -> Tensor<Double> {
        let shape = [environment.extents.batch, environment.extents.sequence] + rest
        let size = rest.reduce(1, *)
        var result = [Double](repeating: 0, count: shape.reduce(1, *))
        guard !values.isEmpty else { return Tensor(unchecked: result, shape: shape) }
        for (row, place) in places.enumerated() {
            for index in 0..<size { result[place * size + index] = values[row * size + index] }
        }
        return Tensor(unchecked: result, shape: shape)
    }
}
