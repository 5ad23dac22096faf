/// A program with its own derivative appended, split at the logits.
///
/// Logits are `[batch, sequence, vocabulary]`, and an engine should hold no more of them than a chunk of positions.
/// Everything that works on them position by position is the *inner* part: an engine evaluates it chunk by chunk, up to
/// its `frontier`, whose values have no vocabulary axis. The rest of the program, the *outer* part, sees the frontier
/// as given. Backwards the same: the outer part gives the gradient of the frontier, the inner part takes it
/// chunk by chunk to that of the logits.
package struct LossDerivative: Sendable {
    package let program: LossProgram
    /// The derivative of the sum by each output that it depends on, but for logits in the inner part.
    package let outputGradients: [ModelOutput: Int]
    /// Nodes of the inner part that the outer part reads; empty where the program reads no logits, or needs all of
    /// them at once.
    package let frontier: [Int]
    /// Those nodes of the frontier that are not 0 of themselves where the mask is 0 and logits read as 0.
    package let frontierNotMasked: [Int]
    /// The derivative of the sum by each node of the frontier.
    package let frontierGradients: [Int]
    /// Leaves through which the inner part is handed the frontier's gradients.
    package let frontierSeeds: [Int]
    /// The derivative by the logits: in the inner part from the seeds.
    package let logitsGradient: Int?
    /// What the inner part reads of the outer one: independent of any output.
    package let innerInputs: [Int]

    /// Whether the derivative can be computed before the output is known, as in every loss that is linear in it.
    /// An engine can then run the output's forward and backward together.
    package func isIndependentOfOutputs(_ nodes: [Int]) -> Bool {
        program.ancestors(of: nodes).allSatisfy { program.nodes[$0].output == nil }
    }

    /// Differentiates the sum with respect to every output that the program reads, by reverse accumulation.
    package init(_ source: LossProgram) {
        let inner = InnerPart(source)
        let trace = LossTrace(source)
        var outer = trace.propagate([source.sum: trace.constant(1)]) { !inner.nodes.contains($0) }

        var seeds: [Int: Int] = [:]
        for node in inner.frontier {
            let shape = source.nodes[node].shape
            seeds[node] = trace.extend(
                .init(
                    operation: LossProgram.Node.seedLeaf, attributes: .init(name: "\(node)", shape: shape), shape: shape))
        }
        // What only metrics read is not gone back through: 0 times the slope of a root of something negative is no 0.
        let innerGradients = trace.propagate(seeds.filter { outer[$0.key] != nil }) { inner.nodes.contains($0) }
        for node in inner.frontier where outer[node] == nil { outer[node] = trace.zero(like: node) }

        var outputGradients: [ModelOutput: Int] = [:]
        for output in source.outputsRead {
            let leaf = source.node(of: output)!
            // What only metrics read has no gradient, and costs no backward pass.
            if !inner.nodes.contains(leaf) { outputGradients[output] = outer[leaf] }
        }
        self.outputGradients = outputGradients
        frontier = inner.frontier
        frontierNotMasked = inner.frontier.filter { [isMasked = source.nodesThatAreMasked()] in !isMasked[$0] }
        frontierGradients = inner.frontier.map { outer[$0]! }
        frontierSeeds = inner.frontier.map { seeds[$0]! }
        logitsGradient = inner.logits.flatMap { leaf in inner.nodes.contains(leaf) ? innerGradients[leaf] : nil }
        innerInputs = inner.inputs
        program = trace.program
    }
}

extension LossTrace {
    /// The gradients of nodes, given those of some, carried back through the nodes that `belongs` admits.
    func propagate(_ seeds: [Int: Int], through belongs: (Int) -> Bool) -> [Int: Int] {
        var gradients = seeds
        let last = (seeds.keys.max() ?? -1)
        for index in stride(from: last, through: 0, by: -1) {
            guard belongs(index), let gradient = gradients[index] else { continue }
            let node = program.nodes[index]
            guard !node.isLeaf, let operation = LossOperation.all[node.operation] else { continue }
            let adjoint = LossAdjoint(trace: self, node: index, gradient: gradient)
            for (operand, part) in zip(node.operands, operation.derivative(adjoint)) {
                guard let part else { continue }
                gradients[operand] = gradients[operand].map { adjoint.make("add", $0, part) } ?? part
            }
        }
        return gradients
    }

    /// Zeros in the shape of a node.
    func zero(like node: Int) -> Int {
        let zero = LossAdjoint(trace: self, node: node, gradient: node)
        return zero.expanded(zero.constant(0), to: node)
    }
}

extension LossProgram {
    /// The derivative of the sum by a leaf, undivided: the program with it appended, and the node that holds it.
    package func gradient(ofLeaf leaf: Int) -> (program: LossProgram, node: Int) {
        let trace = LossTrace(self)
        let gradients = trace.propagate([sum: trace.constant(1)]) { _ in true }
        let node = gradients[leaf] ?? trace.zero(like: leaf)
        return (trace.program, node)
    }

    /// The values of the derivatives by every output that the program reads, in one whole.
    package func outputGradients(in environment: Environment) -> [ModelOutput: Tensor<Double>] {
        let trace = LossTrace(self)
        let gradients = trace.propagate([sum: trace.constant(1)]) { _ in true }
        let outputs = outputsRead.sorted { $0.rawValue < $1.rawValue }
        let nodes = outputs.map { output in
            let leaf = node(of: output)!
            return gradients[leaf] ?? trace.zero(like: leaf)
        }
        return Dictionary(uniqueKeysWithValues: zip(outputs, trace.program.evaluate(nodes, in: environment)))
    }
}
