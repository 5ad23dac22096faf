import Foundation

/// The operations that some families have, written as plainly as their formulas, in any precision.
extension Plain {
    /// Ba et al., 2016. `[rows, channels]`
    static func layerNorm(_ x: [Scalar], _ weight: [Scalar], _ bias: [Scalar], epsilon: Scalar) -> [Scalar] {
        let channels = weight.count
        return x.indices.map { i in
            let row = x[i / channels * channels..<(i / channels + 1) * channels]
            let mean = row.reduce(0, +) / Scalar(channels)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Scalar(channels)
            return (x[i] - mean) / (variance + epsilon).squareRoot() * weight[i % channels] + bias[i % channels]
        }
    }

    static func layerNormBackward(
        _ dy: [Scalar], _ x: [Scalar], _ weight: [Scalar], epsilon: Scalar
    ) -> (dx: [Scalar], dweight: [Scalar], dbias: [Scalar]) {
        let channels = weight.count
        var (dx, dweight, dbias) = (x, weight.map { _ in Scalar(0) }, weight.map { _ in Scalar(0) })
        for begin in stride(from: 0, to: x.count, by: channels) {
            let columns = 0..<channels
            let mean = columns.reduce(0) { $0 + x[begin + $1] } / Scalar(channels)
            let variance = columns.reduce(0) { $0 + (x[begin + $1] - mean) * (x[begin + $1] - mean) } / Scalar(channels)
            let rstd = 1 / (variance + epsilon).squareRoot()
            let normalized = columns.map { (x[begin + $0] - mean) * rstd }
            let level = columns.reduce(0) { $0 + dy[begin + $1] * weight[$1] } / Scalar(channels)
            let slope = columns.reduce(0) { $0 + dy[begin + $1] * weight[$1] * normalized[$1] } / Scalar(channels)
            for c in columns {
                dx[begin + c] = rstd * (dy[begin + c] * weight[c] - level - normalized[c] * slope)
                dweight[c] += dy[begin + c] * normalized[c]
                dbias[c] += dy[begin + c]
            }
        }
        return (dx, dweight, dbias)
    }

    private static func tangent(_ x: Scalar) -> Scalar { Scalar(tanh(Double(x))) }

    /// Hendrycks and Gimpel, 2016, with their tangent.
    static func gelu(_ x: [Scalar]) -> [Scalar] {
        let factor = Scalar((2 / Double.pi).squareRoot())
        return x.map { $0 / 2 * (1 + tangent(factor * ($0 + Scalar(0.044715) * $0 * $0 * $0))) }
    }

    static func geluBackward(_ dy: [Scalar], _ x: [Scalar]) -> [Scalar] {
        let factor = Scalar((2 / Double.pi).squareRoot())
        return zip(dy, x).map { dy, x in
            let t = tangent(factor * (x + Scalar(0.044715) * x * x * x))
            let inner = factor * (1 + 3 * Scalar(0.044715) * x * x)
            return dy * ((1 + t) / 2 + x / 2 * (1 - t * t) * inner)
        }
    }

    /// A bound by a tangent (Gemma team, 2024).
    static func softCap(_ x: [Scalar], scale: Scalar, cap: Scalar) -> [Scalar] { x.map { cap * tangent($0 * scale / cap) } }

    static func softCapBackward(_ dy: [Scalar], _ x: [Scalar], scale: Scalar, cap: Scalar) -> [Scalar] {
        zip(dy, x).map { dy, x in
            let t = tangent(x * scale / cap)
            return dy * (1 - t * t) * scale
        }
    }

    /// The probabilities of one row of scores that are scaled and bounded first.
    static func cappedSoftmax(_ scores: [Scalar], scale: Scalar, cap: Scalar) -> [Scalar] {
        let capped = softCap(scores, scale: scale, cap: cap)
        let weights = capped.map { exponential($0 - capped.max()!) }
        return weights.map { $0 / weights.reduce(0, +) }
    }

    static func cappedSoftmaxBackward(_ dp: [Scalar], _ scores: [Scalar], scale: Scalar, cap: Scalar) -> [Scalar] {
        let p = cappedSoftmax(scores, scale: scale, cap: cap)
        let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
        return softCapBackward(zip(p, dp).map { $0 * ($1 - mean) }, scores, scale: scale, cap: cap)
    }

    /// OpenAI, 2025: gate · sigmoid(alpha · gate) · (up + 1), both bounded.
    static func clampedSwiglu(gate: [Scalar], up: [Scalar], alpha: Scalar, limit: Scalar) -> [Scalar] {
        zip(gate, up).map { gate, up in
            let g = min(gate, limit)
            return g / (1 + exponential(-alpha * g)) * (min(max(up, -limit), limit) + 1)
        }
    }

    static func clampedSwigluBackward(
        _ dy: [Scalar], gate: [Scalar], up: [Scalar], alpha: Scalar, limit: Scalar
    ) -> (dgate: [Scalar], dup: [Scalar]) {
        let sigmoid = gate.map { 1 / (1 + exponential(-alpha * min($0, limit))) }
        let dgate = dy.indices.map { i in
            let slope = sigmoid[i] * (1 + alpha * min(gate[i], limit) * (1 - sigmoid[i]))
            return gate[i] > limit ? 0 : dy[i] * (min(max(up[i], -limit), limit) + 1) * slope
        }
        return (dgate, dy.indices.map { abs(up[$0]) > limit ? 0 : dy[$0] * min(gate[$0], limit) * sigmoid[$0] })
    }

    /// The probabilities of one row of scores beside one that stands for nothing.
    static func sinkSoftmax(_ scores: [Scalar], sink: Scalar) -> [Scalar] {
        let top = max(scores.max()!, sink)
        let weights = scores.map { exponential($0 - top) }
        let sum = weights.reduce(exponential(sink - top), +)
        return weights.map { $0 / sum }
    }

    static func sinkSoftmaxBackward(_ dp: [Scalar], _ scores: [Scalar], sink: Scalar) -> (dscores: [Scalar], dsink: Scalar) {
        let p = sinkSoftmax(scores, sink: sink)
        let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
        return (zip(p, dp).map { $0 * ($1 - mean) }, -(1 - p.reduce(0, +)) * mean)
    }

    /// Pairs of neighbors of a head turn by `angles`, backwards for the gradient.
    static func ropeOfNeighbors(_ head: [Scalar], angles: [Scalar], direction: Scalar = 1) -> [Scalar] {
        head.indices.map { i in
            let angle = Double(angles[i / 2]) * Double(direction)
            let (c, s) = (Scalar(cos(angle)), Scalar(sin(angle)))
            return i % 2 == 0 ? head[i] * c - head[i + 1] * s : head[i] * c + head[i - 1] * s
        }
    }
}
