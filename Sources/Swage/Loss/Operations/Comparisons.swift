extension LossOperation {
    /// Questions whose answer is 1 or 0, and the choice by such an answer. Gradients pass through the choice alone.
    static let comparisons: [LossOperation] = [
        question("less", torch: "({0} < {1})") { $0 < $1 },
        question("lessOrEqual", torch: "({0} <= {1})") { $0 <= $1 },
        question("greater", torch: "({0} > {1})") { $0 > $1 },
        question("greaterOrEqual", torch: "({0} >= {1})") { $0 >= $1 },
        question("equal", torch: "({0} == {1})") { $0 == $1 },
        question("notEqual", torch: "({0} != {1})") { $0 != $1 },
        question("and", torch: "(({0} != 0) & ({1} != 0))") { $0 != 0 && $1 != 0 },
        question("or", torch: "(({0} != 0) | ({1} != 0))") { $0 != 0 || $1 != 0 },
        unary("not", torch: "({0} == 0)", { $0 == 0 ? 1 : 0 }) { _ in nil },
        LossOperation("select", arity: 3, torch: "torch.where({0} != 0, {1}, {2})") { operands, _ in
            try .broadcast(operands[0], .broadcast(operands[1], operands[2]))
        } evaluate: { operands, call in
            let (condition, x, y) = (operands[0].scalars, operands[1].scalars, operands[2].scalars)
            return try .repeating(operands, call) { condition[$0] != 0 ? x[$1] : y[$2] }
        } derivative: { adjoint in
            let (condition, zero) = (adjoint.operands[0], adjoint.constant(0))
            let first = adjoint.make("select", condition, adjoint.gradient, zero)
            let second = adjoint.make("select", condition, zero, adjoint.gradient)
            return [
                nil, adjoint.reduced(first, to: adjoint.operands[1]), adjoint.reduced(second, to: adjoint.operands[2]),
            ]
        },
    ]

    private static func question(
        _ name: String, torch: String, _ holds: @escaping @Sendable (Double, Double) -> Bool
    ) -> LossOperation {
        binary(name, torch: torch, { holds($0, $1) ? 1 : 0 }) { _ in (nil, nil) }
    }
}
