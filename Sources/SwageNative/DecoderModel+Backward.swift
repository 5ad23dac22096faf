import CSwageKernels

extension DecoderModel {
    /// Carries `flow.residual`, the gradient of the last layer's output, back to the embeddings, and adds every
    /// parameter's gradient to `gradients`, which has the layout of the parameters.
    func backward(
        _ tokens: FlatBatch, _ activations: Activations, _ flow: GradientActivations, into gradients: FloatBuffer,
        scratch: AttentionScratch
    ) {
        for index in layout.layers.indices.reversed() {
            backwardFeedForward(index, activations, flow, gradients, rows: tokens.count)
            backwardAttention(index, tokens, activations, flow, gradients, scratch)
        }
        backwardEmbedding(tokens.ids, flow.residual.start, gradients)
    }

    private func backwardFeedForward(
        _ index: Int, _ activations: Activations, _ flow: GradientActivations, _ gradients: FloatBuffer, rows: Int
    ) {
        let offsets = layout.layers[index]
        let layer = activations.layers[index]
        let width = configuration.feedForwardSize

        products.inputGradient(
            flow.residual.start, parameters.start + offsets.down, flow.activated.start, rows: rows, inputs: width,
            outputs: hidden)
        activate(layer, into: activations.activated, rows: rows)
        products.weightGradient(
            flow.residual.start, activations.activated.start, gradients.start + offsets.down, rows: rows,
            inputs: width, outputs: hidden)
        team.split(rows) { _, part in
            swage_swiglu_backward(
                flow.activated.start + part.lowerBound * width, layer.gateUp.start + part.lowerBound * 2 * width,
                flow.gateUp.start + part.lowerBound * 2 * width, part.count, width)
        }
        normalize(
            layer.middle.start, offsets.feedForwardNorm, activations.normalized.start, rstd: layer.middleRstd.start,
            rows: rows)
        products.weightGradient(
            flow.gateUp.start, activations.normalized.start, gradients.start + offsets.gateUp, rows: rows,
            inputs: hidden, outputs: 2 * width)
        products.inputGradient(
            flow.gateUp.start, parameters.start + offsets.gateUp, flow.normalized.start, rows: rows, inputs: hidden,
            outputs: 2 * width)
        backwardNorm(
            flow.normalized.start, layer.middle.start, offsets.feedForwardNorm, rstd: layer.middleRstd.start,
            flow.residual.start, gradients, rows: rows)
    }

    private func backwardAttention(
        _ index: Int, _ tokens: FlatBatch, _ activations: Activations, _ flow: GradientActivations,
        _ gradients: FloatBuffer, _ scratch: AttentionScratch
    ) {
        let offsets = layout.layers[index]
        let layer = activations.layers[index]
        let rows = tokens.count

        products.inputGradient(
            flow.residual.start, parameters.start + offsets.attentionOutput, flow.attended.start, rows: rows,
            inputs: queryWidth, outputs: hidden)
        products.weightGradient(
            flow.residual.start, layer.attended.start, gradients.start + offsets.attentionOutput, rows: rows,
            inputs: queryWidth, outputs: hidden)
        if let bias = offsets.attentionOutputBias {
            swage_bias_backward(flow.residual.start, gradients.start + bias, rows, hidden, hidden)
        }
        Attention(self, layer: index, scratch: scratch).backward(layer, flow, segments: tokens.segments)
        team.split(rows) { [self] _, part in
            tokens.positions.withUnsafeBufferPointer { positions in
                swage_rope(
                    flow.projected.start + part.lowerBound * projectedWidth, rotary.cosines.start, rotary.sines.start,
                    positions.baseAddress! + part.lowerBound, part.count,
                    configuration.headCount + configuration.keyValueHeadCount, headSize, projectedWidth, -1)
            }
        }
        backwardHeadNorms(index, layer, flow.projected.start, gradients, rows: rows)
        if let bias = offsets.queryKeyValueBias {
            swage_bias_backward(flow.projected.start, gradients.start + bias, rows, projectedWidth, projectedWidth)
        }
        normalize(
            layer.input.start, offsets.inputNorm, activations.normalized.start, rstd: layer.inputRstd.start,
            rows: rows)
        products.weightGradient(
            flow.projected.start, activations.normalized.start, gradients.start + offsets.queryKeyValue, rows: rows,
            inputs: hidden, outputs: projectedWidth)
        products.inputGradient(
            flow.projected.start, parameters.start + offsets.queryKeyValue, flow.normalized.start, rows: rows,
            inputs: hidden, outputs: projectedWidth)
        backwardNorm(
            flow.normalized.start, layer.input.start, offsets.inputNorm, rstd: layer.inputRstd.start,
            flow.residual.start, gradients, rows: rows)
    }

    /// Adds to `dx[rows, C]` and to the norm's gradient.
    func backwardNorm(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ weightOffset: Int, rstd: UnsafePointer<Float>,
        _ dx: UnsafeMutablePointer<Float>, _ gradients: FloatBuffer, rows: Int
    ) {
        // Each thread sums its own rows, and the sums are added in order, so that the result does not vary.
        let partial = FloatBuffer(count: team.count * hidden)
        team.split(rows) { [self] thread, part in
            let offset = part.lowerBound * hidden
            swage_rmsnorm_backward(
                dy + offset, x + offset, parameters.start + weightOffset, rstd + part.lowerBound, dx + offset,
                partial.start + thread * hidden, part.count, hidden, hidden, 0)
        }
        for thread in 0..<team.count {
            swage_add(gradients.start + weightOffset, partial.start + thread * hidden, hidden)
        }
    }

    private func backwardHeadNorms(
        _ index: Int, _ layer: LayerActivations, _ dprojected: UnsafeMutablePointer<Float>, _ gradients: FloatBuffer,
        rows: Int
    ) {
        guard let queryNorm = layout.layers[index].queryNorm, let keyNorm = layout.layers[index].keyNorm else { return }
        let (queries, keys) = (configuration.headCount, configuration.keyValueHeadCount)
        for row in 0..<rows {
            let gradient = dprojected + row * projectedWidth
            let kept = layer.unnormalized.start + row * (queryWidth + keyWidth)
            let rstd = layer.headRstd.start + row * (queries + keys)
            swage_rmsnorm_backward(
                gradient, kept, parameters.start + queryNorm, rstd, gradient, gradients.start + queryNorm, queries,
                headSize, headSize, 1)
            swage_rmsnorm_backward(
                gradient + queryWidth, kept + queryWidth, parameters.start + keyNorm, rstd + queries,
                gradient + queryWidth, gradients.start + keyNorm, keys, headSize, headSize, 1)
        }
    }

    /// Adds each token's gradient to its embedding's. Threads share the channels, so that no two write one place.
    private func backwardEmbedding(_ ids: [Int32], _ dx: UnsafePointer<Float>, _ gradients: FloatBuffer) {
        team.split(hidden, granularity: 16) { [self] _, part in
            for (row, id) in ids.enumerated() {
                swage_add(
                    gradients.start + layout.embedding + Int(id) * hidden + part.lowerBound,
                    dx + row * hidden + part.lowerBound, part.count)
            }
        }
    }
}
