extension LossOperation {
    /// Matrix products.
    static let products: [LossOperation] = [
        /// `[…, k] · [k, n] → […, n]`
        LossOperation("matmul", arity: 2, torch: "{0} @ {1}") { operands, _ in
            let (x, weight) = (operands[0], operands[1])
            guard weight.count == 2, let inner = x.last, inner == weight[0] else {
                throw LossShapeError("\(x) cannot be multiplied by the matrix \(weight)")
            }
            return x.replacing(x.count - 1, with: weight[1])
        } evaluate: { operands, call in
            let (inner, columns) = (operands[1].shape[0], operands[1].shape[1])
            var result = [Double](repeating: 0, count: call.shape.reduce(1, *))
            for row in 0..<result.count / max(columns, 1) {
                for k in 0..<inner {
                    let factor = operands[0].scalars[row * inner + k]
                    for column in 0..<columns {
                        result[row * columns + column] += factor * operands[1].scalars[k * columns + column]
                    }
                }
            }
            return Tensor(unchecked: result, shape: call.shape)
        } derivative: {
            [
                $0.make("matmul", $0.gradient, $0.make("transpose", $0.operands[1])),
                $0.make("outer", $0.operands[0], $0.gradient),
            ]
        },
        /// `[…, k], […, n] → [k, n]`, summed over all axes but the last.
        LossOperation(
            "outer", arity: 2, torch: "{0}.reshape(-1, {0}.shape[-1]).T @ {1}.reshape(-1, {1}.shape[-1])", mixesPositions: { _ in true }
        ) { operands, _ in
            guard let k = operands[0].last, let n = operands[1].last, operands[0].dropLast() == operands[1].dropLast()
            else { throw LossShapeError("\(operands[0]) and \(operands[1]) do not have the same rows") }
            return [k, n]
        } evaluate: { operands, call in
            let (k, n) = (call.shape[0], call.shape[1])
            var result = [Double](repeating: 0, count: k * n)
            for row in 0..<operands[0].scalars.count / max(k, 1) {
                for i in 0..<k {
                    for j in 0..<n {
                        result[i * n + j] += operands[0].scalars[row * k + i] * operands[1].scalars[row * n + j]
                    }
                }
            }
            return Tensor(unchecked: result, shape: call.shape)
        } derivative: {
            [
                $0.make("matmul", $0.operands[1], $0.make("transpose", $0.gradient)),
                $0.make("matmul", $0.operands[0], $0.gradient),
            ]
        },
    ]
}
