import Foundation

/// The decoder's operations written as plainly as their formulas, in any precision.
///
/// The C kernels are held to these, and these to finite differences in double precision.
enum Plain<Scalar: BinaryFloatingPoint> {
    static func exponential(_ x: Scalar) -> Scalar { Scalar(exp(Double(x))) }

    /// Zhang and Sennrich, 2019. `[rows, channels]`
    static func rmsNorm(_ x: [Scalar], _ weight: [Scalar], epsilon: Scalar) -> [Scalar] {
        let channels = weight.count
        return x.indices.map { i in
            let row = x[i / channels * channels..<(i / channels + 1) * channels]
            let meanSquare = row.reduce(0) { $0 + $1 * $1 } / Scalar(channels)
            return x[i] / (meanSquare + epsilon).squareRoot() * weight[i % channels]
        }
    }

    static func rmsNormBackward(
        _ dy: [Scalar], _ x: [Scalar], _ weight: [Scalar], epsilon: Scalar
    ) -> (dx: [Scalar], dweight: [Scalar]) {
        let channels = weight.count
        var dx = x.map { _ in Scalar(0) }
        var dweight = weight.map { _ in Scalar(0) }
        for begin in stride(from: 0, to: x.count, by: channels) {
            let columns = 0..<channels
            let meanSquare = columns.reduce(0) { $0 + x[begin + $1] * x[begin + $1] } / Scalar(channels)
            let rstd = 1 / (meanSquare + epsilon).squareRoot()
            let dot = columns.reduce(0) { $0 + dy[begin + $1] * weight[$1] * x[begin + $1] }
            for c in columns {
                let direct = dy[begin + c] * weight[c] * rstd
                dx[begin + c] = direct - x[begin + c] * dot * rstd * rstd * rstd / Scalar(channels)
                dweight[c] += dy[begin + c] * x[begin + c] * rstd
            }
        }
        return (dx, dweight)
    }

    /// Su et al., 2021: pairs (i, i + size/2) of a head turn by `angles[i]`, backwards for the gradient.
    static func rope(_ head: [Scalar], angles: [Scalar], direction: Scalar = 1) -> [Scalar] {
        let half = head.count / 2
        return head.indices.map { i in
            let angle = Double(angles[i % half]) * Double(direction)
            let (c, s) = (Scalar(cos(angle)), Scalar(sin(angle)))
            return i < half ? head[i] * c - head[i + half] * s : head[i] * c + head[i - half] * s
        }
    }

    /// Shazeer, 2020: silu(gate) · up.
    static func swiglu(gate: [Scalar], up: [Scalar]) -> [Scalar] {
        zip(gate, up).map { $0 / (1 + exponential(-$0)) * $1 }
    }

    static func swigluBackward(
        _ dy: [Scalar], gate: [Scalar], up: [Scalar]
    ) -> (dgate: [Scalar], dup: [Scalar]) {
        let sigmoid = gate.map { 1 / (1 + exponential(-$0)) }
        let dgate = dy.indices.map { dy[$0] * up[$0] * sigmoid[$0] * (1 + gate[$0] * (1 - sigmoid[$0])) }
        return (dgate, dy.indices.map { dy[$0] * gate[$0] * sigmoid[$0] })
    }

    /// `y[rows, outputs] = x · weightᵀ`
    static func linear(_ x: [Scalar], _ weight: [Scalar], inputs: Int) -> [Scalar] {
        let (rows, outputs) = (x.count / inputs, weight.count / inputs)
        return (0..<rows * outputs).map { i in
            (0..<inputs).reduce(0) { $0 + x[i / outputs * inputs + $1] * weight[i % outputs * inputs + $1] }
        }
    }

    static func linearBackward(
        _ dy: [Scalar], _ x: [Scalar], _ weight: [Scalar], inputs: Int
    ) -> (dx: [Scalar], dweight: [Scalar]) {
        let (rows, outputs) = (x.count / inputs, weight.count / inputs)
        let dx = (0..<rows * inputs).map { i in
            (0..<outputs).reduce(0) { $0 + dy[i / inputs * outputs + $1] * weight[$1 * inputs + i % inputs] }
        }
        let dweight = (0..<outputs * inputs).map { i in
            (0..<rows).reduce(0) { $0 + dy[$1 * outputs + i / inputs] * x[$1 * inputs + i % inputs] }
        }
        return (dx, dweight)
    }

    /// One head of causal attention over a sequence, each query seeing the last `window` positions. `[length, size]`
    static func attention(_ q: [Scalar], _ k: [Scalar], _ v: [Scalar], size: Int, window: Int) -> [Scalar] {
        let length = q.count / size
        let p = probabilities(q, k, size: size, window: window)
        return (0..<length * size).map { i in
            (0..<length).reduce(0) { $0 + p[i / size * length + $1] * v[$1 * size + i % size] }
        }
    }

    static func attentionBackward(
        _ dy: [Scalar], _ q: [Scalar], _ k: [Scalar], _ v: [Scalar], size: Int, window: Int
    ) -> (dq: [Scalar], dk: [Scalar], dv: [Scalar]) {
        let length = q.count / size
        let p = probabilities(q, k, size: size, window: window)
        let scale = 1 / Scalar(size).squareRoot()
        var (dq, dk, dv) = (q.map { _ in Scalar(0) }, k.map { _ in Scalar(0) }, v.map { _ in Scalar(0) })
        for t in 0..<length {
            let dp = (0..<length).map { j in (0..<size).reduce(0) { $0 + dy[t * size + $1] * v[j * size + $1] } }
            let mean = (0..<length).reduce(0) { $0 + p[t * length + $1] * dp[$1] }
            for j in 0..<length {
                let ds = p[t * length + j] * (dp[j] - mean) * scale
                for d in 0..<size {
                    dq[t * size + d] += ds * k[j * size + d]
                    dk[j * size + d] += ds * q[t * size + d]
                    dv[j * size + d] += p[t * length + j] * dy[t * size + d]
                }
            }
        }
        return (dq, dk, dv)
    }

    private static func probabilities(_ q: [Scalar], _ k: [Scalar], size: Int, window: Int) -> [Scalar] {
        let length = q.count / size
        var p = [Scalar](repeating: 0, count: length * length)
        for t in 0..<length {
            let seen = max(0, t - window + 1)...t
            let scores = seen.map { j in
                (0..<size).reduce(0) { $0 + q[t * size + $1] * k[j * size + $1] } / Scalar(size).squareRoot()
            }
            let weights = scores.map { exponential($0 - scores.max()!) }
            let sum = weights.reduce(0, +)
            for (j, weight) in zip(seen, weights) { p[t * length + j] = weight / sum }
        }
        return p
    }

    /// The log-probability of each row's target. `[rows, vocabulary]`
    static func logProbs(_ logits: [Scalar], targets: [Int]) -> [Scalar] {
        let vocabulary = logits.count / targets.count
        return targets.enumerated().map { row, target in
            let values = logits[row * vocabulary..<(row + 1) * vocabulary]
            let top = values.max()!
            let sum = values.reduce(0) { $0 + exponential($1 - top) }
            return logits[row * vocabulary + target] - top - Scalar(log(Double(sum)))
        }
    }

    static func logProbsBackward(_ dy: [Scalar], _ logits: [Scalar], targets: [Int]) -> [Scalar] {
        let vocabulary = logits.count / targets.count
        return logits.indices.map { i in
            let (row, column) = (i / vocabulary, i % vocabulary)
            let values = Array(logits[row * vocabulary..<(row + 1) * vocabulary])
            let p = exponential(logProbs(values, targets: [column])[0])
            return dy[row] * ((column == targets[row] ? 1 : 0) - p)
        }
    }
}
