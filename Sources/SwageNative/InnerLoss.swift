import Swage

/// The part of a loss that works on logits position by position, evaluated on a few positions at a time.
struct InnerLoss {
    /// How many logits one evaluation sees: small enough for its values to stay in the processor's cache.
    private static let groupElements = 1 << 18

    private let derivative: LossDerivative
    private let logitsLeaf: Int
    /// The values that the part reads from outside, by node.
    private let inputs: [Int: Tensor<Double>]
    private let extents: LossExtents
    /// Where in `[batch, sequence]` each wanted position stands.
    private let places: [Int]
    private let team: ThreadTeam

    /// Nil if the loss has no such part.
    init?(_ derivative: LossDerivative, environment: LossProgram.Environment, places: [Int], team: ThreadTeam) {
        guard let logitsLeaf = derivative.program.node(of: .logits), !derivative.frontier.isEmpty else { return nil }
        self.derivative = derivative
        self.logitsLeaf = logitsLeaf
        self.places = places
        self.team = team
        extents = environment.extents
        let values = derivative.program.evaluate(derivative.innerInputs, in: environment)
        inputs = Dictionary(uniqueKeysWithValues: zip(derivative.innerInputs, values))
    }

    /// The frontier's values at the positions `rows`: for each node one run of numbers a position.
    func frontier(_ rows: Range<Int>, logits: UnsafePointer<Float>) -> [[Double]] {
        let groups = evaluate(derivative.frontier, rows, logits: logits, seeds: [:])
        return derivative.frontier.indices.map { node in groups.flatMap { $0[node].scalars } }
    }

    /// Adds to `dlogits[rows, V]` what the frontier's gradients, whole `[batch, sequence, …]` tensors, give to it.
    func addGradient(
        _ rows: Range<Int>, logits: UnsafePointer<Float>, frontierGradients: [Tensor<Double>],
        to dlogits: UnsafeMutablePointer<Float>
    ) {
        guard let node = derivative.logitsGradient else { return }
        let seeds = Dictionary(uniqueKeysWithValues: zip(derivative.frontierSeeds, frontierGradients))
        var place = 0
        for group in evaluate([node], rows, logits: logits, seeds: seeds) {
            for value in group[0].scalars {
                dlogits[place] += Float(value)
                place += 1
            }
        }
    }

    /// The values of `nodes` for one group of positions after another.
    private func evaluate(
        _ nodes: [Int], _ rows: Range<Int>, logits: UnsafePointer<Float>, seeds: [Int: Tensor<Double>]
    ) -> [[Tensor<Double>]] {
        let size = max(1, Self.groupElements / extents.vocabulary)
        let groups = stride(from: rows.lowerBound, to: rows.upperBound, by: size).map {
            $0..<min($0 + size, rows.upperBound)
        }
        var results = [[Tensor<Double>]](repeating: [], count: groups.count)
        results.withUnsafeMutableBufferPointer { results in
            let results = results.baseAddress!
            team.run(jobs: groups.count) { _, job in
                let group = groups[job]
                let begin = (group.lowerBound - rows.lowerBound) * extents.vocabulary
                let values = UnsafeBufferPointer(start: logits + begin, count: group.count * extents.vocabulary)
                var environment = LossProgram.Environment(
                    extents: .init(
                        batch: 1, sequence: group.count, vocabulary: extents.vocabulary, hidden: extents.hidden))
                environment.known = inputs.merging(seeds) { first, _ in first }.mapValues { slice($0, group) }
                environment.known[logitsLeaf] = Tensor(
                    unchecked: values.map(Double.init), shape: [1, group.count, extents.vocabulary])
                results[job] = derivative.program.evaluate(nodes, in: environment)
            }
        }
        return results
    }

    /// The positions of `group` out of a `[batch, sequence, …]` tensor; a tensor of another kind stays whole.
    private func slice(_ tensor: Tensor<Double>, _ group: Range<Int>) -> Tensor<Double> {
        guard tensor.shape.count >= 2, Array(tensor.shape[..<2]) == [extents.batch, extents.sequence] else { return tensor }
        let rest = tensor.shape[2...].reduce(1, *)
        let values = group.flatMap { row in tensor.scalars[places[row] * rest..<(places[row] + 1) * rest] }
        return Tensor(unchecked: values, shape: [1, group.count] + tensor.shape[2...])
    }
}
