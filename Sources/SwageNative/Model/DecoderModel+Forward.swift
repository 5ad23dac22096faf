import SwageFiles
import CSwageKernels

extension DecoderModel {
    /// How a layer's queries reach keys and values: over the tokens at hand, or over a cache.
    typealias Attend = (_ layer: Int, _ activations: LayerActivations) throws -> Void

    /// Runs all layers over `tokens`, leaving the last one's output `[N, C]` in `activations`.
    ///
    /// - Parameters:
    ///   - tokens: at most as many as `activations` has room for.
    ///   - attend: fills `attended` and `logSumExp` from `projected`.
    ///   - checkpoint: called between layers; what it throws ends the pass.
    func forward(
        _ tokens: FlatBatch, _ activations: Activations, attend: Attend, checkpoint: () throws -> Void
    ) throws {
        try rotary.reserve(Int(tokens.positions.max() ?? 0) + 1)
        embed(tokens.ids, into: activations.layers[0].input)
        for index in layout.layers.indices {
            try checkpoint()
            let layer = activations.layers[index]
            project(index, tokens, activations)
            try attend(index, layer)
            finishAttention(index, layer, rows: tokens.count)
            feedForward(index, layer, activations, rows: tokens.count)
        }
        addResidual(of: activations.layers[layout.layers.count - 1], to: activations.output, rows: tokens.count)
    }

    /// Queries, keys and values from the layer's input, which is the layer's before plus its residual stream.
    private func project(_ index: Int, _ tokens: FlatBatch, _ activations: Activations) {
        let offsets = layout.layers[index]
        let layer = activations.layers[index]
        let rows = tokens.count
        normalize(
            layer.input, adding: index > 0 ? activations.layers[index - 1].middle : nil, offsets.inputNorm,
            activations.normalized, rstd: layer.inputRstd, rows: rows)
        multiply(
            activations.normalized, offsets.queryKeyValue, layer.projected, rows: rows,
            inputs: hidden, outputs: projectedWidth)
        split(.elementwise, rows) { [self] _, part in
            let projected = layer.projected + part.lowerBound * projectedWidth
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
            let projected = layer.projected + row * projectedWidth
            let kept = layer.unnormalized + row * width
            let rstd = layer.headRstd + row * (queries + keys)
            kept.update(from: projected, count: width)
            swage_rmsnorm_forward(
                kept, parameters.start + queryNorm, projected, rstd, queries, headSize, headSize, headSize,
                Float(configuration.normEpsilon))
            swage_rmsnorm_forward(
                kept + queryWidth, parameters.start + keyNorm, projected + queryWidth, rstd + queries, keys, headSize,
                headSize, headSize, Float(configuration.normEpsilon))
        }
    }

    /// The heads' outputs, projected; the layer's input is added with the norm that follows.
    private func finishAttention(_ index: Int, _ layer: LayerActivations, rows: Int) {
        let offsets = layout.layers[index]
        multiply(
            layer.attended, offsets.attentionOutput, layer.middle, rows: rows, inputs: queryWidth,
            outputs: hidden)
        if let bias = offsets.attentionOutputBias {
            swage_add_bias(layer.middle, parameters.start + bias, rows, hidden)
        }
    }

    /// The feed-forward product; the residual stream is added with the norm that follows.
    private func feedForward(_ index: Int, _ layer: LayerActivations, _ activations: Activations, rows: Int) {
        let offsets = layout.layers[index]
        let width = configuration.feedForwardSize
        normalize(
            layer.middle, adding: layer.input, offsets.feedForwardNorm, activations.normalized, rstd: layer.middleRstd,
            rows: rows)
        multiply(
            activations.normalized, offsets.gateUp, layer.gateUp, rows: rows, inputs: hidden,
            outputs: 2 * width)
        split(.elementwise, rows) { _, part in
            swage_swiglu_forward(
                layer.gateUp + part.lowerBound * 2 * width, activations.activated + part.lowerBound * width, part.count,
                width)
        }
        multiply(
            activations.activated, offsets.down, activations.outputOfLayer(index), rows: rows,
            inputs: width, outputs: hidden)
    }

    private func addResidual(of layer: LayerActivations, to output: UnsafeMutablePointer<Float>, rows: Int) {
        split(.elementwise, rows) { [self] _, part in
            swage_add(output + part.lowerBound * hidden, layer.middle + part.lowerBound * hidden, part.count * hidden)
        }
    }
}
