extension LossProgram {
    /// The program with its own derivative appended.
    package struct Derivative: Sendable {
        package let program: LossProgram
        /// The node that holds the derivative of the sum with respect to each output, for each token.
        package let nodes: [ModelOutput: Int]

        /// Whether the derivative can be computed before the output is known, as in every loss that is linear in it.
        /// An engine can then run the output's forward and backward together.
        package func isIndependent(of output: ModelOutput) -> Bool {
            nodes.values.allSatisfy { !program.outputsRead(by: program.ancestors(of: $0)).contains(output) }
        }
    }

    /// Differentiates the sum with respect to every output that the program reads, by reverse accumulation.
    package func derivative() -> Derivative {
        let trace = LossTrace(self)
        let build = AdjointBuilder(trace: trace)
        var adjoints: [Int: Int] = [sum: trace.append(.constant(1))]
        var derivatives: [ModelOutput: Int] = [:]
        for index in nodes.indices.reversed() {
            guard let adjoint = adjoints[index] else { continue }
            if case .output(let output) = nodes[index] { derivatives[output] = trace.perToken(adjoint) }
            for (operand, contribution) in build.contributions(of: nodes[index], at: index, adjoint: adjoint) {
                let fitted = trace.isPerToken(operand) ? contribution : build.reducedToScalar(contribution, from: index)
                adjoints[operand] = adjoints[operand].map { build.binary(.add, $0, fitted) } ?? fitted
            }
        }
        for output in outputsRead where derivatives[output] == nil {
            derivatives[output] = trace.perToken(trace.append(.constant(0)))
        }
        return Derivative(program: trace.program, nodes: derivatives)
    }
}

/// Appends to a trace the part of each operand in the adjoint of a node.
private struct AdjointBuilder {
    let trace: LossTrace

    func contributions(of node: LossProgram.Node, at index: Int, adjoint: Int) -> [(operand: Int, adjoint: Int)] {
        switch node {
        case .output, .field, .constant:
            return []
        case .sum(let x), .perToken(let x):
            return [(x, adjoint)]
        case .unary(.negate, let x):
            return [(x, negated(adjoint))]
        case .unary(.exp, let x):
            return [(x, binary(.multiply, adjoint, index))]
        case .unary(.log, let x):
            return [(x, binary(.divide, adjoint, x))]
        case .binary(.add, let x, let y):
            return [(x, adjoint), (y, adjoint)]
        case .binary(.subtract, let x, let y):
            return [(x, adjoint), (y, negated(adjoint))]
        case .binary(.multiply, let x, let y):
            return [(x, binary(.multiply, adjoint, y)), (y, binary(.multiply, adjoint, x))]
        case .binary(.divide, let x, let y):
            let quotient = binary(.divide, adjoint, y)
            return [(x, quotient), (y, negated(binary(.multiply, quotient, index)))]
        case .binary(.minimum, let x, let y):
            return selected(binary(.lessOrEqual, x, y), x, y, adjoint)
        case .binary(.maximum, let x, let y):
            return selected(binary(.lessOrEqual, y, x), x, y, adjoint)
        case .binary(.lessOrEqual, _, _):
            return []
        }
    }

    func binary(_ operation: LossProgram.BinaryOperation, _ x: Int, _ y: Int) -> Int {
        trace.append(.binary(operation, x, y))
    }

    /// A scalar that was repeated for the tokens of node `index` collects from all of them.
    func reducedToScalar(_ contribution: Int, from index: Int) -> Int {
        trace.isPerToken(index) ? trace.append(.sum(trace.perToken(contribution))) : contribution
    }

    private func negated(_ x: Int) -> Int { trace.append(.unary(.negate, x)) }

    private func selected(_ choosesFirst: Int, _ x: Int, _ y: Int, _ adjoint: Int) -> [(operand: Int, adjoint: Int)] {
        let other = binary(.subtract, trace.append(.constant(1)), choosesFirst)
        return [(x, binary(.multiply, adjoint, choosesFirst)), (y, binary(.multiply, adjoint, other))]
    }
}
