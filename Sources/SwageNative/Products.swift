import CSwageKernels

/// The three matrix products of a linear layer, for weights `[outputs, inputs]` and `rows` tokens.
struct Products {
    let team: ThreadTeam

    /// `y[rows, outputs] = x[rows, inputs] · weightᵀ`, added to what y holds if `accumulating`.
    func forward(
        _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int,
        inputs: Int, outputs: Int, accumulating: Bool = false
    ) {
        if rows == 1 && !accumulating {
            team.split(outputs, granularity: 16) { _, part in
                swage_sgemv(
                    Int32(part.count), Int32(inputs), weight + part.lowerBound * inputs, Int32(inputs), x,
                    y + part.lowerBound)
            }
            return
        }
        let beta: Float = accumulating ? 1 : 0
        guard rows < outputs else {
            team.split(rows, granularity: 16) { _, part in
                swage_sgemm(
                    false, true, Int32(part.count), Int32(outputs), Int32(inputs), 1, x + part.lowerBound * inputs,
                    Int32(inputs), weight, Int32(inputs), beta, y + part.lowerBound * outputs, Int32(outputs))
            }
            return
        }
        team.split(outputs, granularity: 16) { _, part in
            swage_sgemm(
                false, true, Int32(rows), Int32(part.count), Int32(inputs), 1, x, Int32(inputs),
                weight + part.lowerBound * inputs, Int32(inputs), beta, y + part.lowerBound, Int32(outputs))
        }
    }

    /// `dx[rows, inputs] = dy[rows, outputs] · weight`.
    func inputGradient(
        _ dy: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, rows: Int,
        inputs: Int, outputs: Int
    ) {
        team.split(rows, granularity: 16) { _, part in
            swage_sgemm(
                false, false, Int32(part.count), Int32(inputs), Int32(outputs), 1, dy + part.lowerBound * outputs,
                Int32(outputs), weight, Int32(inputs), 0, dx + part.lowerBound * inputs, Int32(inputs))
        }
    }

    /// `dweight[outputs, inputs] += dyᵀ · x`.
    func weightGradient(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ dweight: UnsafeMutablePointer<Float>, rows: Int,
        inputs: Int, outputs: Int
    ) {
        team.split(outputs, granularity: 16) { _, part in
            swage_sgemm(
                true, false, Int32(part.count), Int32(inputs), Int32(rows), 1, dy + part.lowerBound, Int32(outputs),
                x, Int32(inputs), 1, dweight + part.lowerBound * inputs, Int32(inputs))
        }
    }
}
