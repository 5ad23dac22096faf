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
            let rows = operands[0].scalars.count / max(inner, 1)
            return try .accumulating(call, operands) { x, weight, result, checkpoint in
                for row in 0..<rows {
                    for k in 0..<inner {
                        try checkpoint(columns)
                        add(columns, x[row * inner + k], weight + k * columns, to: result + row * columns)
                    }
                }
            }
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
            let rows = operands[0].scalars.count / max(k, 1)
            return try .accumulating(call, operands) { x, y, result, checkpoint in
                for row in 0..<rows {
                    for i in 0..<k {
                        try checkpoint(n)
                        add(n, x[row * k + i], y + row * n, to: result + i * n)
                    }
                }
            }
        } derivative: {
            [
                $0.make("matmul", $0.operands[1], $0.make("transpose", $0.gradient)),
                $0.make("matmul", $0.operands[0], $0.gradient),
            ]
        },
    ]

    /// `result[count] += factor * row[count]`
    private static func add(
        _ count: Int, _ factor: Double, _ row: UnsafePointer<Double>, to result: UnsafeMutablePointer<Double>
    ) {
        for column in 0..<count { result[column] += factor * row[column] }
    }
}

extension Tensor where Scalar == Double {
    /// Zeros in the call's shape, to which `body` adds what it makes of two operands. It tells `checkpoint` how many
    /// multiplications it is about to make.
    fileprivate static func accumulating(
        _ call: LossCall, _ operands: [Tensor],
        _ body: (
            UnsafePointer<Double>, UnsafePointer<Double>, UnsafeMutablePointer<Double>, _ checkpoint: (Int) throws -> Void
        ) throws -> Void
    ) throws -> Tensor {
        var result = [Double](repeating: 0, count: call.shape.reduce(1, *))
        guard !result.isEmpty, operands.allSatisfy({ !$0.scalars.isEmpty }) else {
            return Tensor(unchecked: result, shape: call.shape)
        }
        var work = LossCall.pieceElements
        try operands[0].scalars.withUnsafeBufferPointer { x in
            try operands[1].scalars.withUnsafeBufferPointer { y in
                try result.withUnsafeMutableBufferPointer { result in
                    try body(x.baseAddress!, y.baseAddress!, result.baseAddress!) { multiplications in
                        work += multiplications + 1
                        guard work > LossCall.pieceElements else { return }
                        try call.checkpoint()
                        work = 0
                    }
                }
            }
        }
        return Tensor(unchecked: result, shape: call.shape)
    }
}
