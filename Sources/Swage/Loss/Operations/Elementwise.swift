extension LossOperation {
    /// Operations on one element, or on two that meet.
    static let elementwise: [LossOperation] = [
        unary("negate", torch: "-{0}", { -$0 }) { $0.make("negate", $0.gradient) },
        unary("exp", torch: "torch.exp({0})", { exponential($0) }) { $0.make("multiply", $0.gradient, $0.node) },
        unary("log", torch: "torch.log({0})", { logarithm($0) }) { $0.make("divide", $0.gradient, $0.operands[0]) },
        unary("sqrt", torch: "torch.sqrt({0})", { $0.squareRoot() }) {
            $0.make("divide", $0.gradient, $0.make("multiply", $0.constant(2), $0.node))
        },
        unary("tanh", torch: "torch.tanh({0})", { hyperbolicTangent($0) }) {
            let rest = $0.make("subtract", $0.constant(1), $0.make("multiply", $0.node, $0.node))
            return $0.make("multiply", $0.gradient, rest)
        },
        unary("sigmoid", torch: "torch.sigmoid({0})", { logistic($0) }) {
            let slope = $0.make("multiply", $0.node, $0.make("subtract", $0.constant(1), $0.node))
            return $0.make("multiply", $0.gradient, slope)
        },
        unary("softplus", torch: "F.softplus({0}, threshold=50)", { max($0, 0) + logarithm(1 + exponential(-abs($0))) }) {
            $0.make("multiply", $0.gradient, $0.make("sigmoid", $0.operands[0]))
        },
        unary("relu", torch: "torch.relu({0})", { $0 > 0 || $0.isNaN ? $0 : 0 }) {
            $0.make("multiply", $0.gradient, $0.make("greater", $0.operands[0], $0.constant(0)))
        },
        unary("abs", torch: "torch.abs({0})", { abs($0) }) {
            $0.make("multiply", $0.gradient, $0.make("sign", $0.operands[0]))
        },
        // torch.sign makes 0 of NaN, and a loss must not hide it.
        unary("sign", torch: "torch.where({0}.isnan(), {0}, torch.sign({0})).detach()", { $0 > 0 ? 1 : $0 < 0 ? -1 : $0.isNaN ? $0 : 0 }) { _ in nil },
        unary("stopGradient", torch: "{0}.detach()", { $0 }) { _ in nil },
        LossOperation("power", arity: 1, torch: "torch.pow({0}, {value})") { operands, attributes in
            guard attributes.value?.isFinite == true else { throw LossShapeError("the exponent is missing") }
            return operands[0]
        } evaluate: { operands, call in
            try operands[0].mapped(call) { raised($0, to: call.attributes.value!) }
        } derivative: {
            let exponent = $0.attributes.value!
            // What is 1 everywhere has no slope, also at 0, where the formula would give 0 · ∞.
            guard exponent != 0 else { return [nil] }
            let lower = $0.make("power", $0.operands[0], attributes: .init(value: exponent - 1))
            return [$0.make("multiply", $0.gradient, $0.make("multiply", $0.constant(exponent), lower))]
        },
        binary("add", torch: "{0} + {1}", { $0 + $1 }) { ($0.gradient, $0.gradient) },
        binary("subtract", torch: "{0} - {1}", { $0 - $1 }) { ($0.gradient, $0.make("negate", $0.gradient)) },
        binary("multiply", torch: "{0} * {1}", { $0 * $1 }) {
            ($0.make("multiply", $0.gradient, $0.operands[1]), $0.make("multiply", $0.gradient, $0.operands[0]))
        },
        binary("divide", torch: "{0} / {1}", { $0 / $1 }) {
            let quotient = $0.make("divide", $0.gradient, $0.operands[1])
            return (quotient, $0.make("negate", $0.make("multiply", quotient, $0.node)))
        },
        binary("minimum", torch: "torch.minimum({0}, {1})", { $0 <= $1 || $0.isNaN ? $0 : $1 }) { shared($0, firstWins: "less") },
        binary("maximum", torch: "torch.maximum({0}, {1})", { $0 >= $1 || $0.isNaN ? $0 : $1 }) { shared($0, firstWins: "greater") },
    ]

    static func unary(
        _ name: String, torch: String, _ function: @escaping @Sendable (Double) -> Double,
        derivative: @escaping @Sendable (LossAdjoint) -> Int?
    ) -> LossOperation {
        LossOperation(name, arity: 1, torch: torch) { operands, _ in
            operands[0]
        } evaluate: { operands, call in
            try operands[0].mapped(call, function)
        } derivative: {
            [derivative($0)]
        }
    }

    static func binary(
        _ name: String, torch: String, _ function: @escaping @Sendable (Double, Double) -> Double,
        derivative: @escaping @Sendable (LossAdjoint) -> (Int?, Int?)
    ) -> LossOperation {
        LossOperation(name, arity: 2, torch: torch) { operands, _ in
            try .broadcast(operands[0], operands[1])
        } evaluate: { operands, call in
            try .combining(operands[0], operands[1], call, function)
        } derivative: { adjoint in
            let parts = derivative(adjoint)
            return zip([parts.0, parts.1], adjoint.operands).map { part, operand in
                part.map { adjoint.reduced($0, to: operand) }
            }
        }
    }

    /// The gradient goes to the operand that was taken, and in halves to two equal ones, as in torch.
    private static func shared(_ adjoint: LossAdjoint, firstWins: String) -> (Int?, Int?) {
        let (x, y) = (adjoint.operands[0], adjoint.operands[1])
        let tie = adjoint.make("multiply", adjoint.constant(0.5), adjoint.make("equal", x, y))
        let first = adjoint.make("add", adjoint.make(firstWins, x, y), tie)
        let second = adjoint.make("subtract", adjoint.constant(1), first)
        return (adjoint.make("multiply", adjoint.gradient, first), adjoint.make("multiply", adjoint.gradient, second))
    }
}

private func logistic(_ x: Double) -> Double {
    x >= 0 ? 1 / (1 + exponential(-x)) : exponential(x) / (1 + exponential(x))
}
