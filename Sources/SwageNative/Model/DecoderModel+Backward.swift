import SwageFiles
import CSwageKernels

extension DecoderModel {
    /// Carries `flow.residual`, the gradient of the last layer's output, back to the embeddings, and adds every
    /// parameter's gradient to `gradients`, which has the layout of the parameters.
    /// - Parameter checkpoint: called between layers; what it throws ends the pass, with a part of it added.
    func backward(
        _ tokens: FlatBatch, _ activations: Activations, _ flow: GradientActivations, into gradients: GradientSum,
        scratch: AttentionScratch, checkpoint: () throws -> Void
    ) throws {
        for index in layout.layers.indices.reversed() {
            try checkpoint()
            backwardFeedForward(index, activations, flow, gradients, rows: tokens.count)
            try backwardAttention(index, tokens, activations, flow, gradients, scratch, checkpoint)
        }
        backwardEmbedding(tokens.ids, flow.residual, gradients)
    }

    private func backwardFeedForward(
        _ index: Int, _ activations: Activations, _ flow: GradientActivations, _ gradients: GradientSum, rows: Int
    ) {
        let offsets = layout.layers[index]
        let layer = activations.layers[index]
        let width = configuration.feedForwardSize

        products.inputGradient(
            flow.residual, parameters.start + offsets.down, flow.activated, rows: rows, inputs: width,
            outputs: hidden)
        split(.elementwise, rows) { _, part in
            swage_swiglu_backward(
                flow.activated + part.lowerBound * width, layer.gateUp + part.lowerBound * 2 * width,
                flow.gateUp + part.lowerBound * 2 * width, activations.activated + part.lowerBound * width, part.count,
                width)
        }
        products.weightGradient(
            flow.residual, activations.activated, gradients.start + offsets.down, rows: rows, inputs: width,
            outputs: hidden, accumulating: gradients.accumulates)
        normalize(
            layer.middle, offsets.feedForwardNorm, activations.normalized, rstd: layer.middleRstd,
            rows: rows)
        products.weightGradient(
            flow.gateUp, activations.normalized, gradients.start + offsets.gateUp, rows: rows,
            inputs: hidden, outputs: 2 * width, accumulating: gradients.accumulates)
        products.inputGradient(
            flow.gateUp, parameters.start + offsets.gateUp, flow.normalized, rows: rows, inputs: hidden,
            outputs: 2 * width)
        backwardNorm(
            flow.normalized, layer.middle, offsets.feedForwardNorm, rstd: layer.middleRstd,
            flow.residual, gradients, rows: rows)
    }

    private func backwardAttention(
        _ index: Int, _ tokens: FlatBatch, _ activations: Activations, _ flow: GradientActivations,
        _ gradients: GradientSum, _ scratch: AttentionScratch, _ checkpoint: () throws -> Void
    ) throws {
        let offsets = layout.layers[index]
        let layer = activations.layers[index]
        let rows = tokens.count

        products.inputGradient(
            flow.residual, parameters.start + offsets.attentionOutput, flow.attended, rows: rows,
            inputs: queryWidth, outputs: hidden)
        products.weightGradient(
            flow.residual, layer.attended, gradients.start + offsets.attentionOutput, rows: rows,
            inputs: queryWidth, outputs: hidden, accumulating: gradients.accumulates)
        if let bias = offsets.attentionOutputBias {
            swage_bias_backward(flow.residual, gradients.start + bias, rows, hidden, hidden)
        }
        try Attention(self, layer: index, scratch: scratch).backward(layer, flow, checkpoint: checkpoint)
        split(.elementwise, rows) { [self] _, part in
            tokens.positions.withUnsafeBufferPointer { positions in
                swage_rope(
                    flow.projected + part.lowerBound * projectedWidth, rotary.cosines.start, rotary.sines.start,
                    positions.baseAddress! + part.lowerBound, part.count,
                    configuration.headCount + configuration.keyValueHeadCount, headSize, projectedWidth, -1)
            }
        }
        backwardHeadNorms(index, layer, flow.projected, gradients, rows: rows)
        if let bias = offsets.queryKeyValueBias {
            swage_bias_backward(flow.projected, gradients.start + bias, rows, projectedWidth, projectedWidth)
        }
        normalize(
            layer.input, offsets.inputNorm, activations.normalized, rstd: layer.inputRstd,
            rows: rows)
        products.weightGradient(
            flow.projected, activations.normalized, gradients.start + offsets.queryKeyValue, rows: rows,
            inputs: hidden, outputs: projectedWidth, accumulating: gradients.accumulates)
        products.inputGradient(
            flow.projected, parameters.start + offsets.queryKeyValue, flow.normalized, rows: rows,
            inputs: hidden, outputs: projectedWidth)
        backwardNorm(
            flow.normalized, layer.input, offsets.inputNorm, rstd: layer.inputRstd,
            flow.residual, gradients, rows: rows)
    }

    /// Adds to `dx[rows, C]` and to the norm's gradient.
    func backwardNorm(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ weightOffset: Int, rstd: UnsafePointer<Float>,
        _ dx: UnsafeMutablePointer<Float>, _ gradients: GradientSum, rows: Int
    ) {
        // Each thread sums its own rows, and the sums are added in order, so that the result does not vary.
        withUnsafeTemporaryAllocation(of: Float.self, capacity: team.count * hidden) { partial in
            partial.initialize(repeating: 0)
            let partial = partial.baseAddress!
            split(.normalization, rows) { [self] thread, part in
                let offset = part.lowerBound * hidden
                swage_rmsnorm_backward(
                    dy + offset, x + offset, parameters.start + weightOffset, rstd + part.lowerBound, dx + offset,
                    partial + thread * hidden, part.count, hidden, hidden, 0)
            }
            for thread in 0..<team.count {
                swage_add(gradients.start + weightOffset, partial + thread * hidden, hidden)
            }
        }
    }

    private func backwardHeadNorms(
        _ index: Int, _ layer: LayerActivations, _ dprojected: UnsafeMutablePointer<Float>, _ gradients: GradientSum,
        rows: Int
    ) {
        guard let queryNorm = layout.layers[index].queryNorm, let keyNorm = layout.layers[index].keyNorm else { return }
        let (queries, keys) = (configuration.headCount, configuration.keyValueHeadCount)
        for row in 0..<rows {
            let gradient = dprojected + row * projectedWidth
            let kept = layer.unnormalized + row * (queryWidth + keyWidth)
            let rstd = layer.headRstd + row * (queries + keys)
            swage_rmsnorm_backward(
                gradient, kept, parameters.start + queryNorm, rstd, gradient, gradients.start + queryNorm, queries,
                headSize, headSize, 1)
            swage_rmsnorm_backward(
                gradient + queryWidth, kept + queryWidth, parameters.start + keyNorm, rstd + queries,
                gradient + queryWidth, gradients.start + keyNorm, keys, headSize, headSize, 1)
        }
    }

    /// Adds each token's gradient to its embedding's. Threads share the channels, so that no two write one place.
    private func backwardEmbedding(_ ids: [Int32], _ dx: UnsafePointer<Float>, _ gradients: GradientSum) {
        split(.elementwise, hidden) { [self] _, part in
            for (row, id) in ids.enumerated() {
                swage_add(
                    gradients.start + layout.embedding + Int(id) * hidden + part.lowerBound,
                    dx + row * hidden + part.lowerBound, part.count)
            }
        }
    }
}
