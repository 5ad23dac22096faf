import CSwageKernels
import SwageFiles

extension DecoderModel {
    /// `y[rows, C] = norm(x)`; with a residual, x is replaced by x + residual first.
    /// - Returns: where the result is: y, or x where there is no norm.
    @discardableResult
    func normalize(
        _ x: UnsafeMutablePointer<Float>, adding residual: UnsafePointer<Float>? = nil, _ norm: ParameterLayout.Norm?,
        _ y: UnsafeMutablePointer<Float>, rstd: UnsafeMutablePointer<Float>, rows: Int
    ) -> UnsafeMutablePointer<Float> {
        guard let norm else {
            guard let residual else { return x }
            split(.normalization, rows) { [self] _, part in
                swage_add(x + part.lowerBound * hidden, residual + part.lowerBound * hidden, part.count * hidden)
            }
            return x
        }
        let epsilon = Float(configuration.normEpsilon)
        withWeight(of: norm) { weight in
            split(.normalization, rows) { [self] _, part in
                let offset = part.lowerBound * hidden
                if let bias = norm.bias {
                    swage_layernorm_forward(
                        x + offset, residual.map { $0 + offset }, weight, parameters.start + bias, y + offset, rstd + part.lowerBound,
                        part.count, hidden, epsilon)
                } else if let residual {
                    swage_add_rmsnorm_forward(
                        x + offset, residual + offset, weight, y + offset, rstd + part.lowerBound, part.count, hidden, epsilon)
                } else {
                    swage_rmsnorm_forward(
                        x + offset, weight, y + offset, rstd + part.lowerBound, part.count, hidden, hidden, hidden, epsilon)
                }
            }
        }
        return y
    }

    /// Adds to `dx[rows, C]`, or replaces it, and adds to the norm's gradient. dy may be dx if it is replaced.
    func backwardNorm(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ norm: ParameterLayout.Norm, rstd: UnsafePointer<Float>,
        _ dx: UnsafeMutablePointer<Float>, _ gradients: GradientSum, rows: Int, replacing: Bool = false
    ) {
        // Each thread sums its own rows, and the sums are added in order, so that the result does not vary.
        let width = norm.bias == nil ? hidden : 2 * hidden
        withUnsafeTemporaryAllocation(of: Float.self, capacity: team.count * width) { partial in
            partial.initialize(repeating: 0)
            let partial = partial.baseAddress!
            withWeight(of: norm) { weight in
                split(.normalization, rows) { [self] thread, part in
                    let (offset, sums) = (part.lowerBound * hidden, partial + thread * width)
                    if norm.bias == nil {
                        swage_rmsnorm_backward(
                            dy + offset, x + offset, weight, rstd + part.lowerBound, dx + offset, sums, part.count, hidden, hidden,
                            replacing ? 1 : 0)
                    } else {
                        swage_layernorm_backward(
                            dy + offset, x + offset, weight, rstd + part.lowerBound, dx + offset, sums, sums + hidden, part.count, hidden,
                            replacing ? 1 : 0)
                    }
                }
            }
            for thread in 0..<team.count {
                swage_add(gradients.start + norm.weight, partial + thread * width, hidden)
                if let bias = norm.bias { swage_add(gradients.start + bias, partial + thread * width + hidden, hidden) }
            }
        }
    }

    /// The norms of a row's queries and keys, head by head or over their whole width, where the family has them.
    func normalizeHeads(_ index: Int, _ layer: LayerActivations, _ rows: Range<Int>) {
        guard let queryNorm = layout.layers[index].queryNorm, let keyNorm = layout.layers[index].keyNorm else { return }
        let (queries, keys) = (queryWidth / queryNorm.channels, keyWidth / keyNorm.channels)
        let width = queryWidth + keyWidth
        let epsilon = Float(configuration.normEpsilon)
        withWeight(of: queryNorm) { queryWeight in
            withWeight(of: keyNorm) { keyWeight in
                for row in rows {
                    let projected = layer.projected + row * projectedWidth
                    let kept = layer.unnormalized + row * width
                    let rstd = layer.headRstd + row * (queries + keys)
                    kept.update(from: projected, count: width)
                    swage_rmsnorm_forward(
                        kept, queryWeight, projected, rstd, queries, queryNorm.channels, queryNorm.channels, queryNorm.channels, epsilon)
                    swage_rmsnorm_forward(
                        kept + queryWidth, keyWeight, projected + queryWidth, rstd + queries, keys, keyNorm.channels, keyNorm.channels,
                        keyNorm.channels, epsilon)
                }
            }
        }
    }

    func backwardHeadNorms(
        _ index: Int, _ layer: LayerActivations, _ dprojected: UnsafeMutablePointer<Float>, _ gradients: GradientSum, rows: Int
    ) {
        guard let queryNorm = layout.layers[index].queryNorm, let keyNorm = layout.layers[index].keyNorm else { return }
        let (queries, keys) = (queryWidth / queryNorm.channels, keyWidth / keyNorm.channels)
        withWeight(of: queryNorm) { queryWeight in
            withWeight(of: keyNorm) { keyWeight in
                for row in 0..<rows {
                    let gradient = dprojected + row * projectedWidth
                    let kept = layer.unnormalized + row * (queryWidth + keyWidth)
                    let rstd = layer.headRstd + row * (queries + keys)
                    swage_rmsnorm_backward(
                        gradient, kept, queryWeight, rstd, gradient, gradients.start + queryNorm.weight, queries, queryNorm.channels,
                        queryNorm.channels, 1)
                    swage_rmsnorm_backward(
                        gradient + queryWidth, kept + queryWidth, keyWeight, rstd + queries, gradient + queryWidth,
                        gradients.start + keyNorm.weight, keys, keyNorm.channels, keyNorm.channels, 1)
                }
            }
        }
    }

    /// Hands on what a norm multiplies by: its weight, or 1 more.
    private func withWeight(of norm: ParameterLayout.Norm, _ body: (UnsafePointer<Float>) -> Void) {
        let weight = parameters.start + norm.weight
        guard configuration.family.norm == .rmsPlusOne else { return body(weight) }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: norm.channels) { moved in
            for channel in 0..<norm.channels { moved[channel] = 1 + weight[channel] }
            body(moved.baseAddress!)
        }
    }
}
