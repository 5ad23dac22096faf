package import Swage

/// The part of a loss that works on logits position by position, evaluated on a few positions at a time.
package struct InnerLoss {
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
    private let checkpoint: () throws -> Void

    /// Nil if the loss has no such part.
    /// - Parameter checkpoint: called between pieces of work, by any thread; what it throws ends the work.
    package init?(
        _ derivative: LossDerivative, environment: LossProgram.Environment, places: [Int], team: ThreadTeam,
        checkpoint: @escaping () throws -> Void
    ) throws {
        guard let logitsLeaf = derivative.program.node(of: .logits), !derivative.frontier.isEmpty else { return nil }
        self.derivative = derivative
        self.logitsLeaf = logitsLeaf
        self.places = places
        self.team = team
        self.checkpoint = checkpoint
        extents = environment.extents
        let values = try derivative.program.evaluate(derivative.innerInputs, in: environment, checkpoint: checkpoint)
        inputs = Dictionary(uniqueKeysWithValues: zip(derivative.innerInputs, values))
    }

    /// The frontier's values at the positions `rows`: for each node one run of numbers a position.
    package func frontier(_ rows: Range<Int>, logits: UnsafePointer<Float>) throws -> [[Double]] {
        let groups = try evaluate(derivative.frontier, rows, places, logits: logits, seeds: [:])
        return derivative.frontier.indices.map { node in groups.flatMap { $0[node].scalars } }
    }

    /// The values of some nodes of the frontier where logits are not computed and read as 0.
    package func values(of nodes: [Int], atUncomputed places: [Int]) throws -> [[Double]] {
        let groups = try evaluate(nodes, 0..<places.count, places, logits: nil, seeds: [:])
        return nodes.indices.map { node in groups.flatMap { $0[node].scalars } }
    }

    /// Adds to `dlogits[rows, V]` what the frontier's gradients, whole `[batch, sequence, …]` tensors, give to it.
    package func addGradient(
        _ rows: Range<Int>, logits: UnsafePointer<Float>, frontierGradients: [Tensor<Double>],
        to dlogits: UnsafeMutablePointer<Float>
    ) throws {
        guard let node = derivative.logitsGradient else { return }
        let seeds = Dictionary(uniqueKeysWithValues: zip(derivative.frontierSeeds, frontierGradients))
        var place = 0
        for group in try evaluate([node], rows, places, logits: logits, seeds: seeds) {
            for value in group[0].scalars {
                dlogits[place] += Float(value)
                place += 1
            }
        }
    }

    /// How many positions are evaluated at once.
    static func groupSize(vocabulary: Int) -> Int { max(1, groupElements / vocabulary) }

    /// The values of `nodes` for one group of positions after another.
    /// - Parameters:
    ///   - places: where the positions that `rows` are numbers of stand.
    ///   - logits: those of `rows`; nil for 0.
    private func evaluate(
        _ nodes: [Int], _ rows: Range<Int>, _ places: [Int], logits: UnsafePointer<Float>?, seeds: [Int: Tensor<Double>]
    ) throws -> [[Tensor<Double>]] {
        let size = Self.groupSize(vocabulary: extents.vocabulary)
        let groups = stride(from: rows.lowerBound, to: rows.upperBound, by: size).map {
            $0..<min($0 + size, rows.upperBound)
        }
        let results = team.map(groups.count) { job in
            Result {
                let group = groups[job]
                let count = group.count * extents.vocabulary
                var environment = LossProgram.Environment(
                    extents: .init(
                        batch: 1, sequence: group.count, vocabulary: extents.vocabulary, hidden: extents.hidden))
                for (node, value) in inputs { environment.known[node] = slice(value, of: node, group, places) }
                for (node, value) in seeds { environment.known[node] = slice(value, of: node, group, places) }
                let begin = (group.lowerBound - rows.lowerBound) * extents.vocabulary
                let values = logits.map { UnsafeBufferPointer(start: $0 + begin, count: count).map(Double.init) }
                environment.known[logitsLeaf] = Tensor(
                    unchecked: values ?? [Double](repeating: 0, count: count),
                    shape: [1, group.count, extents.vocabulary])
                return try derivative.program.evaluate(nodes, in: environment, checkpoint: checkpoint)
            }
        }
        return try results.map { try $0.get() }
    }

    /// The positions of `group` out of the value of a node that has something for each; another value stays whole.
    private func slice(_ tensor: Tensor<Double>, of node: Int, _ group: Range<Int>, _ places: [Int]) -> Tensor<Double> {
        guard derivative.program.nodes[node].shape.starts(with: [.batch, .sequence]) else { return tensor }
        let rest = tensor.shape[2...].reduce(1, *)
        let values = group.flatMap { row in tensor.scalars[places[row] * rest..<(places[row] + 1) * rest] }
        return Tensor(unchecked: values, shape: [1, group.count] + tensor.shape[2...])
    }
}
