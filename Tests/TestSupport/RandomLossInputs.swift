import Swage

/// Random tensors that random losses read, on extents so small that some of them are equal.
package struct RandomLossInputs {
    package let environment: LossProgram.Environment
    /// The fields beside the batch's own, with their shapes.
    package let fields: [(name: String, shape: LossShape)]

    package var extents: LossExtents { environment.extents }

    package init(_ random: inout SeededGenerator) {
        let extents = LossExtents(
            batch: [1, 2, 2, 4][random.number(below: 4)], sequence: 1 + random.number(below: 4),
            vocabulary: 2 + random.number(below: 5), hidden: 1 + random.number(below: 4))
        var environment = LossProgram.Environment(extents: extents)
        func tensor(_ shape: LossShape, _ value: (inout SeededGenerator) -> Double) -> Tensor<Double> {
            let shape = extents.resolve(shape)
            // The engine reads outputs in single precision.
            return Tensor(unchecked: (0..<shape.reduce(1, *)).map { _ in Double(Float(value(&random))) }, shape: shape)
        }
        let token: LossShape = [.batch, .sequence]
        let mask = tensor(token) { $0.fraction() < 0.3 ? 0 : 1 }
        for output in ModelOutput.allCases {
            let shapes: [ModelOutput: LossShape] = [
                .logits: token + [.vocabulary], .hiddenStates: token + [.hidden], .outputHead: [.vocabulary, .hidden],
            ]
            let values = tensor(shapes[output] ?? token) { $0.fraction() * 4 - 2 }
            environment.outputs[output] = output == .outputHead ? values : values.masked(by: mask)
        }
        environment.fields["targetMask"] = mask
        environment.fields["targetWeights"] = tensor(token) { $0.fraction() * 2 - 1 }
        environment.fields["targetIDs"] = tensor(token) { Double($0.number(below: extents.vocabulary)) }.masked(by: mask)
        var fields: [(name: String, shape: LossShape)] = []
        for index in 0..<6 {
            let shape = (0..<random.number(below: 4)).map { _ in Self.axis(&random, extents) }
            fields.append(("f\(index)", shape))
            environment.fields["f\(index)"] = tensor(shape) { $0.fraction() * 3 - 1.5 }
        }
        for (name, last) in [("few", LossAxis.fixed(2)), ("many", .vocabulary)] {
            fields.append((name, token + [last]))
            environment.fields[name] = tensor(token + [last]) { Double($0.number(below: extents.vocabulary + 1)) }
        }
        self.fields = fields
        if random.fraction() < 0.7 {
            environment.segmentIDs = Tensor(
                unchecked: (0..<extents.batch * extents.sequence).map { place in
                    Int32(place % extents.sequence / (1 + random.number(below: 2)))
                }, shape: [extents.batch, extents.sequence])
        }
        self.environment = environment
    }

    /// Any axis that a loss can name here.
    package static func axis(_ random: inout SeededGenerator, _ extents: LossExtents) -> LossAxis {
        let axes: [LossAxis] = [.batch, .sequence, .vocabulary, .hidden, .fixed(1), .fixed(2), .fixed(3), .pairs]
        return axes[random.number(below: extents.batch % 2 == 0 ? axes.count : axes.count - 1)]
    }
}

extension Tensor where Scalar == Double {
    /// The `[batch, sequence, …]` tensor with 0 where the mask is 0.
    fileprivate func masked(by mask: Tensor) -> Tensor {
        let size = scalars.count / mask.scalars.count
        return Tensor(unchecked: scalars.indices.map { mask.scalars[$0 / size] == 0 ? 0 : scalars[$0] }, shape: shape)
    }
}

extension SeededGenerator {
    package mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
    package mutating func fraction() -> Double { Double.random(in: 0..<1, using: &self) }
}
