import Swage
import SwageNative

/// A loss as the native engine evaluates it, in an inner and an outer part, against its evaluation in one whole.
package struct SplitLoss {
    private let program: LossProgram
    private let derivative: LossDerivative
    private let environment: LossProgram.Environment
    private let places: [Int]
    private let logits: [Float]
    private let inner: InnerLoss

    /// Nil for a loss without an inner part.
    package init?(_ program: LossProgram, _ environment: LossProgram.Environment, team: ThreadTeam) throws {
        self.program = program
        self.environment = environment
        derivative = LossDerivative(program)
        let mask = environment.fields["targetMask"]!.scalars
        places = mask.indices.filter { mask[$0] != 0 }
        let all = environment.outputs[.logits]!
        let vocabulary = environment.extents.vocabulary
        logits = places.flatMap { all.scalars[$0 * vocabulary..<($0 + 1) * vocabulary].map { Float($0) } }
        guard !places.isEmpty,
            let inner = try InnerLoss(derivative, environment: environment, places: places, team: team, checkpoint: {})
        else { return nil }
        self.inner = inner
    }

    /// The largest difference of value and gradients from `value` and `gradients`, relative where those are above 1.
    package func difference(from value: Double, _ gradients: [ModelOutput: Tensor<Double>]) throws -> Double {
        var outer = environment
        outer.outputs[.logits] = nil
        try logits.withUnsafeBufferPointer { logits in
            let frontier = try inner.frontier(0..<places.count, logits: logits.baseAddress!)
            for (node, values) in zip(derivative.frontier, frontier) { put(values, of: node, at: places, in: &outer) }
        }
        let others = environment.fields["targetMask"]!.scalars.indices.filter { !places.contains($0) }
        let uncomputed = try inner.values(of: derivative.frontierNotMasked, atUncomputed: others)
        for (node, values) in zip(derivative.frontierNotMasked, uncomputed) { put(values, of: node, at: others, in: &outer) }

        var worst = relative(program.evaluate([program.sum], in: outer)[0].scalars[0], value)
        for (output, node) in derivative.outputGradients {
            let found = derivative.program.evaluate([node], in: outer)[0].scalars
            for (x, y) in zip(found, gradients[output]!.scalars) { worst = max(worst, relative(x, y)) }
        }
        let seeds = derivative.program.evaluate(derivative.frontierGradients, in: outer)
        var found = [Float](repeating: 0, count: logits.count)
        try logits.withUnsafeBufferPointer { logits in
            try found.withUnsafeMutableBufferPointer {
                try inner.addGradient(
                    0..<places.count, logits: logits.baseAddress!, frontierGradients: seeds, to: $0.baseAddress!)
            }
        }
        let vocabulary = environment.extents.vocabulary
        for (index, value) in found.enumerated() {
            let place = places[index / vocabulary] * vocabulary + index % vocabulary
            worst = max(worst, relative(Double(value), gradients[.logits]!.scalars[place]))
        }
        return worst
    }

    private func put(_ values: [Double], of node: Int, at places: [Int], in environment: inout LossProgram.Environment) {
        let shape = environment.extents.resolve(program.nodes[node].shape)
        var scalars = environment.known[node]?.scalars ?? [Double](repeating: 0, count: shape.reduce(1, *))
        let size = shape[2...].reduce(1, *)
        for (row, place) in places.enumerated() {
            for index in 0..<size { scalars[place * size + index] = values[row * size + index] }
        }
        environment.known[node] = Tensor(unchecked: scalars, shape: shape)
    }

    private func relative(_ found: Double, _ expected: Double) -> Double {
        let difference = abs(found - expected) / max(1, abs(expected))
        return difference.isNaN ? .infinity : difference
    }
}
