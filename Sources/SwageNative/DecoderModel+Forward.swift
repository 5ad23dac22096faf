import CSwageKernels

extension DecoderModel {
    /// How a layer's queries reach keys and values: over the tokens at hand, or over a cache.
    typealias Attend = (_ layer: Int, _ activations: LayerActivations) -> Void

    /// Runs all layers over `tokens`, leaving the last one's output `[N, C]` in `activations`.
    ///
    /// - Parameters:
    ///   - tokens: at most as many as `activations` has room for.
    ///   - attend: fills `attended` and `logSumExp` from `projected`.
    ///   - checkpoint: called between layers; what it throws ends the pass.
    func forward(
        _ tokens: FlatBatch, _ activations: Activations, attend: Attend, checkpoint: () throws -> Void
    ) rethrows {
        rotary.reserve(Int(tokens.positions.max() ?? 0) + 1)
        embed(tokens.ids, into: activations.layers[0].input.start)
        for index in layout.layers.indices {
            try checkpoint()
            let layer = activations.layers[index]
            project(index, tokens, layer, normalized: activations.normalized)
            attend(index, layer)
            finishAttention(index, layer, rows: tokens.count)
            feedForward(index, layer, activations, rows: tokens.count)
        }
    }

    /// Queries, keys and values from the layer's input.
    private func project(_ index: Int, _ tokens: FlatBatch, _ layer: LayerActivations, normalized: FloatBuffer) {
        let offsets = layout.layers[index]
        let rows = tokens.count
        normalize(
            layer.input.start, offsets.inputNorm, normalized.start, rstd: layer.inputRstd.start, rows: rows)
        products.forward(
            normalized.start, parameters.start + offsets.queryKeyValue, layer.projected.start, rows: rows,
            inputs: hidden, outputs: projectedWidth)
        team.split(rows) { [self] _, part in
            let projected = layer.projected.start + part.lowerBound * projectedWidth
            if let bias = offsets.queryKeyValueBias {
                swage_add_bias(projected, parameters.start + bias, part.count, projectedWidth)
            }
            normalizeHeads(index, layer, part)
            tokens.positions.withUnsafeBufferPointer { positions in
                swage_rope(
                    projected, rotary.cosines.start, rotary.sines.start, positions.baseAddress! + part.lowerBound,
                    part.count, configuration.headCount + configuration.keyValueHeadCount, headSize, projectedWidth, 1)
            }
        }
    }

    /// The norm of each head's query and key, where the family has one (Qwen 3).
    private func normalizeHeads(_ index: Int, _ layer: LayerActivations, _ rows: Range<Int>) {
        guard let queryNorm = layout.layers[index].queryNorm, let keyNorm = layout.layers[index].keyNorm else { return }
        let (queries, keys) = (configuration.headCount, configuration.keyValueHeadCount)
        let width = queryWidth + keyWidth
        for row in rows {
            let projected = layer.projected.start + row * projectedWidth
            let kept = layer.unnormalized.start + row * width
            let rstd = layer.headRstd.start + row * (queries + keys)
            kept.update(from: projected, count: width)
            swage_rmsnorm_forward(
                kept, parameters.start + queryNorm, projected, rstd, queries, headSize, headSize, headSize,
                Float(configuration.normEpsilon))
            swage_rmsnorm_forward(
                kept + queryWidth, parameters.start + keyNorm, projected + queryWidth, rstd + queries, keys, headSize,
                headSize, headSize, Float(configuration.normEpsilon))
        }
    }

    /// Adds the heads' outputs, projected, to the residual stream.
    private func finishAttention(_ index: Int, _ layer: LayerActivations, rows: Int) {
        let offsets = layout.layers[index]
        layer.middle.start.update(from: layer.input.start, count: rows * hidden)
        products.forward(
            layer.attended.start, parameters.start + offsets.attentionOutput, layer.middle.start, rows: rows,
            inputs: queryWidth, outputs: hidden, accumulating: true)
        if let bias = offsets.attentionOutputBias {
            swage_add_bias(layer.middle.start, parameters.start + bias, rows, hidden)
        }
    }

    private func feedForward(_ index: Int, _ layer: LayerActivations, _ activations: Activations, rows: Int) {
        let offsets = layout.layers[index]
        let width = configuration.feedForwardSize
        normalize(
            layer.middle.start, offsets.feedForwardNorm, activations.normalized.start, rstd: layer.middleRstd.start,
            rows: rows)
        products.forward(
            activations.normalized.start, parameters.start + offsets.gateUp, layer.gateUp.start, rows: rows,
            inputs: hidden, outputs: 2 * width)
        activate(layer, into: activations.activated, rows: rows)
        let output = activations.outputOfLayer(index).start
        output.update(from: layer.middle.start, count: rows * hidden)
        products.forward(
            activations.activated.start, parameters.start + offsets.down, output, rows: rows, inputs: width,
            outputs: hidden, accumulating: true)
    }

    /// `silu(gate) · up`, `[N, F]`.
    func activate(_ layer: LayerActivations, into activated: FloatBuffer, rows: Int) {
        let width = configuration.feedForwardSize
        team.split(rows) { _, part in
            swage_swiglu_forward(
                layer.gateUp.start + part.lowerBound * 2 * width, activated.start + part.lowerBound * width,
                part.count, width)
        }
    }
}
