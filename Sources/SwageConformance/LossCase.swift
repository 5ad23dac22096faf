import Swage

/// A loss program on numbers of its own, and what it comes to, whatever the model is.
///
/// A log-probability less itself, of which no gradient is taken, is 0, and has the slope of a log-probability. Added to what a field
/// holds it makes an operand whose value is known to the bit, ties and zeros among them, and whose gradient reaches the model.
struct LossCase {
    /// The shape of the batch that it is for.
    static let (rows, columns) = (4, 3)
    /// Where there is something to learn.
    static let mask: [Float] = [1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1]
    static let segments: [Int32] = [0, 0, 1, 3, 2, 2, 2, 2, 2, 1, 2, 2]

    let loss: LossFunction
    /// What the program reads of the batch.
    let lossInputs: [String: Tensor<Float>]
    /// What it comes to.
    let expected: ForwardBackwardResult
    /// The derivative of its sum by each log-probability, `[rows, columns]`.
    let slopes: [Double]

    /// - Parameters:
    ///   - terms: values, each of which goes into the sum with weights of its own.
    ///   - report: adds what is reported.
    init(_ name: String, _ terms: (Operands) -> [LossExpression], reporting report: (Operands, LossValue) -> LossValue = { $1 }) {
        loss = LossFunction("conformance: \(name)") { outputs, batch in
            let operands = Operands(outputs, batch)
            let sum = terms(operands).enumerated().reduce(LossExpression?.none) { sum, term in
                let part = operands.weighed(term.element) * (1 + Double(term.offset) / 8)
                return sum.map { $0 + part } ?? part
            }
            return report(operands, LossValue(sum: sum!, denominator: batch.targetMask.sum() * 2 + operands.x.size(axis: 0)))
        }
        let program = loss.program
        let extents = LossExtents(batch: Self.rows, sequence: Self.columns, vocabulary: 1, hidden: 1)
        lossInputs = Dictionary(
            uniqueKeysWithValues: program.fieldsRead.filter { $0.key != "targetMask" }.map { ($0, Self.field($0, extents.resolve($1))) })
        let shape = [Self.rows, Self.columns]
        var environment = LossProgram.Environment(extents: extents)
        environment.segmentIDs = Tensor(unchecked: Self.segments, shape: shape)
        environment.outputs[.logProbs] = Tensor(repeating: 0, shape: shape)
        environment.fields = lossInputs.mapValues { Tensor(unchecked: $0.scalars.map(Double.init), shape: $0.shape) }
        environment.fields["targetMask"] = Tensor(unchecked: Self.mask.map(Double.init), shape: shape)
        expected = program.result(of: program.evaluate(program.roots, in: environment).map { $0.scalars[0] })
        let gradient = program.outputGradients(in: environment)[.logProbs]!.scalars
        slopes = zip(gradient, Self.mask).map { $1 == 0 ? 0 : $0 }
    }

    /// The batch with what this program reads.
    func batch(_ plain: TextTrainBatch) -> TextTrainBatch {
        var copy = plain
        copy.lossInputs = lossInputs
        return copy
    }

    private static func field(_ name: String, _ shape: [Int]) -> Tensor<Float> {
        let values: [Float]
        switch name {
        case "x": values = [-1, 0, 1, 0.5, 2, -2, 4, 0, -0.5, 3, 1, -3]
        case "y": values = [1, 0, 0, 1, 2, 0, 0, 1, 0, 2, 1, 1]
        case "ids":
            // Some are no index of five, one is cut to one, and one comes twice at a position.
            let ids: [Float] = [0, 4, 4, 1.5, -1, 3, 5, 2, 0, 3.75, 1, -0.5]
            values = (0..<shape.reduce(1, *)).map { ids[$0 * 7 % ids.count] }
        default: values = (0..<shape.reduce(1, *)).map { Float(($0 * $0 * $0) % 11 + 1) / 4 }
        }
        return Tensor(unchecked: values, shape: shape)
    }
}

extension LossCase {
    /// What the terms of a case are made of.
    struct Operands {
        /// Numbers of either sign, zeros among them, `[batch, sequence]`.
        let x: LossExpression
        /// Small numbers from 0 on, some of which are those of ``x``; their slope is twice that of a log-probability.
        let y: LossExpression
        /// The numbers of ``x`` without a slope.
        let still: LossExpression
        private let batch: LossBatch

        init(_ outputs: LossOutputs, _ batch: LossBatch) {
            self.batch = batch
            let slope = outputs.logProbs - outputs.logProbs.using("stopGradient", [])
            still = batch["x"]
            (x, y) = (still + slope, batch["y"] + 2 * slope)
        }

        /// The numbers of ``x``, as large as no exponential is; their slope is that of ``x``.
        var large: LossExpression { 1000 * still + (x - still) }

        /// A field of a shape, above 0.
        func field(_ shape: LossShape) -> LossExpression {
            batch["weights " + shape.map { "\($0)" }.joined(separator: " "), shape]
        }

        /// Numbers most of which are an index of five.
        var ids: LossExpression { batch["ids", [.batch, .sequence, .fixed(3)]] }

        var mask: LossExpression { batch.targetMask }

        /// The sum of the elements, each with a weight of its own.
        func weighed(_ value: LossExpression) -> LossExpression {
            value.shape.isEmpty ? value : (value * field(value.shape)).sum()
        }
    }
}
