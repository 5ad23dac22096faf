import Foundation
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
        try requirePositions(Int(tokens.positions.max() ?? 0) + 1)
        for table in rotaries { try table.prepare(tokens) }
        embed(tokens, into: activations.layers[0].input)
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
        let parameters = layout.layers[index]
        let layer = activations.layers[index]
        let rows = tokens.count
        let normalized = normalize(
            layer.input, adding: index > 0 ? activations.layers[index - 1].middle : nil, parameters.inputNorm,
            activations.normalized, rstd: layer.inputRstd, rows: rows)
        multiply(normalized, parameters.queryKeyValue, layer.projected, rows: rows)
        split(.elementwise, rows) { [self] _, part in
            let projected = layer.projected + part.lowerBound * projectedWidth
            addBias(parameters.queryKeyValue, projected, rows: part.count)
            normalizeHeads(index, layer, part)
            turn(index, projected, tokens, part, direction: 1)
        }
    }

    /// Turns the queries and keys of some rows, of which the first lies at `projected`, by their positions.
    func turn(_ index: Int, _ projected: UnsafeMutablePointer<Float>, _ tokens: FlatBatch, _ rows: Range<Int>, direction: Float) {
        guard let rotary = configuration.layers[index].rotary else { return }
        let table = rotaries[rotary]
        let heads = configuration.headCount + configuration.keyValueHeadCount
        table.places.withUnsafeBufferPointer { places in
            let places = places.baseAddress! + rows.lowerBound
            if table.pairs == .halves {
                swage_rope(
                    projected, table.cosines.start, table.sines.start, places, rows.count, heads, headSize, table.width, projectedWidth,
                    direction)
            } else {
                swage_rope_neighbors(
                    projected, table.cosines.start, table.sines.start, places, rows.count, heads, headSize, table.width, projectedWidth,
                    direction)
            }
        }
        if configuration.scales.queryGrowth != 0 { growQueries(projected, tokens, rows) }
    }

    /// Multiplies the queries of positions beyond the original context, or their gradients.
    private func growQueries(_ projected: UnsafeMutablePointer<Float>, _ tokens: FlatBatch, _ rows: Range<Int>) {
        let scales = configuration.scales
        for row in rows {
            let contexts = (Double(tokens.positions[row]) / scales.queryContext).rounded(.down)
            if contexts == 0 { continue }
            let factor = 1 + scales.queryGrowth * log(1 + contexts)
            swage_scale(projected + (row - rows.lowerBound) * projectedWidth, queryWidth, Float(factor))
        }
    }

    /// The heads' outputs, projected; the layer's input is added with the norm that follows.
    private func finishAttention(_ index: Int, _ layer: LayerActivations, rows: Int) {
        let parameters = layout.layers[index]
        let output = parameters.postAttentionNorm == nil ? layer.middle : layer.attentionOutput
        multiply(layer.attended, parameters.attentionOutput, output, rows: rows)
        addBias(parameters.attentionOutput, output, rows: rows)
        normalize(output, parameters.postAttentionNorm, layer.middle, rstd: layer.attentionOutputRstd, rows: rows)
        scale(layer.middle, by: configuration.scales.residual, rows: rows, channels: hidden)
    }

    /// The feed-forward product; the residual stream is added with the norm that follows.
    private func feedForward(_ index: Int, _ layer: LayerActivations, _ activations: Activations, rows: Int) {
        let parameters = layout.layers[index]
        let target = activations.outputOfLayer(index)
        let output = parameters.postFeedForwardNorm == nil ? target : layer.feedForwardOutput
        let normalized = normalize(
            layer.middle, adding: layer.input, parameters.feedForwardNorm, activations.normalized, rstd: layer.middleRstd,
            rows: rows)
        if parameters.experts.isEmpty {
            multiply(normalized, parameters.gateUp, layer.gateUp, rows: rows)
            split(.elementwise, rows) { [self] _, part in
                addBias(parameters.gateUp, layer.gateUp + part.lowerBound * parameters.gateUp.outputs, rows: part.count)
                activate(layer.gateUp, activations.activated, part)
            }
            multiply(activations.activated, parameters.down, output, rows: rows)
            addBias(parameters.down, output, rows: rows)
        } else {
            runExperts(index, normalized, layer, activations, output, rows: rows)
        }
        normalize(output, parameters.postFeedForwardNorm, target, rstd: layer.feedForwardOutputRstd, rows: rows)
        scale(target, by: configuration.scales.residual, rows: rows, channels: hidden)
    }

    private func addResidual(of layer: LayerActivations, to output: UnsafeMutablePointer<Float>, rows: Int) {
        split(.elementwise, rows) { [self] _, part in
            swage_add(output + part.lowerBound * hidden, layer.middle + part.lowerBound * hidden, part.count * hidden)
        }
    }
}
