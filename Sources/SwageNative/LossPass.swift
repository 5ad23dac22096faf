import Swage

/// From the last layer's output to the loss, and back to the gradient of that output.
struct LossPass {
    struct Value {
        var loss: Double
        var denominator: Double
        var metrics: [String: Double]
    }

    private let loss: LossFunction
    private let derivative: LossProgram.Derivative
    private let tokens: FlatBatch
    private let head: OutputHead
    private var environment: LossProgram.Environment

    init(
        loss: LossFunction, derivative: LossProgram.Derivative, batch: TextTrainBatch, tokens: FlatBatch,
        model: DecoderModel, output: UnsafePointer<Float>
    ) {
        self.loss = loss
        self.derivative = derivative
        self.tokens = tokens
        let wanted = tokens.sources.indices.filter { batch.targetMask?.scalars[tokens.sources[$0]] != 0 }
        head = OutputHead(
            model, output: output, rows: wanted,
            targets: wanted.map { batch.targetIDs.scalars[tokens.sources[$0]] })
        environment = LossProgram.Environment(batch: batch)
        environment.outputs[.logProbs] = Array(repeating: 0, count: environment.tokenCount)
    }

    /// Computes the loss, and adds the gradients of the output head and the final norm to `gradients`.
    ///
    /// - Parameter residual: receives the gradient of the last layer's output, `[N, C]`; zero before.
    /// - Throws: ``TrainerError`` with code `nonFinite`, or what `checkpoint` throws. `gradients` may then hold
    ///   part of the sum.
    func run(
        residual: UnsafeMutablePointer<Float>, into gradients: FloatBuffer, checkpoint: () throws -> Void
    ) throws -> Value {
        var environment = environment
        // A derivative that does not read the log-probabilities lets forward and backward share one product.
        if derivative.isIndependent(of: .logProbs) {
            let logProbs = try head.backward(
                dLogProbs: logProbGradient(in: environment), residual: residual, into: gradients,
                checkpoint: checkpoint)
            environment.outputs[.logProbs] = spread(logProbs)
            return try value(in: environment)
        }
        environment.outputs[.logProbs] = spread(try head.logProbs(checkpoint: checkpoint))
        let value = try value(in: environment)
        _ = try head.backward(
            dLogProbs: logProbGradient(in: environment), residual: residual, into: gradients, checkpoint: checkpoint)
        return value
    }

    private func value(in environment: LossProgram.Environment) throws -> Value {
        let program = loss.program
        let wanted = [program.sum, program.denominator] + program.metrics.map(\.node)
        let values = program.evaluate(wanted, in: environment).map(\.scalar)
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

    /// The derivative of the loss's sum by each wanted log-probability.
    private func logProbGradient(in environment: LossProgram.Environment) -> [Float] {
        guard let node = derivative.nodes[.logProbs] else { return Array(repeating: 0, count: head.rows.count) }
        let gradient = derivative.program.evaluate([node], in: environment)[0]
        return head.rows.map { Float(gradient[tokens.sources[$0]]) }
    }

    /// Values of the wanted positions, put where they belong in `[batch, sequence]`, and 0 elsewhere.
    private func spread(_ values: [Float]) -> [Float] {
        var result = [Float](repeating: 0, count: environment.tokenCount)
        for (row, value) in zip(head.rows, values) { result[tokens.sources[row]] = value }
        return result
    }
}
