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
        backwardEmbedding(tokens, flow.residual, gradients)
    }

    private func backwardFeedForward(
        _ index: Int, _ activations: Activations, _ flow: GradientActivations, _ gradients: GradientSum, rows: Int
    ) {
        let parameters = layout.layers[index]
        let layer = activations.layers[index]

        let output = outputGradient(
            flow, parameters.postFeedForwardNorm, layer.feedForwardOutput, rstd: layer.feedForwardOutputRstd, gradients, rows: rows)
        if !parameters.experts.isEmpty { return backwardExperts(index, output, activations, flow, gradients, rows: rows) }
        inputGradient(output, parameters.down, flow.activated, rows: rows)
        split(.elementwise, rows) { [self] _, part in
            backwardActivation(flow.activated, layer.gateUp, flow.gateUp, activations.activated, part)
        }
        weightGradient(output, activations.activated, parameters.down, gradients, rows: rows)
        let normalized = normalize(
            layer.middle, parameters.feedForwardNorm, activations.normalized, rstd: layer.middleRstd, rows: rows)
        weightGradient(flow.gateUp, normalized, parameters.gateUp, gradients, rows: rows)
        backwardInput(
            flow.gateUp, parameters.gateUp, parameters.feedForwardNorm, layer.middle, rstd: layer.middleRstd, flow, gradients, rows: rows)
    }

    private func backwardAttention(
        _ index: Int, _ tokens: FlatBatch, _ activations: Activations, _ flow: GradientActivations,
        _ gradients: GradientSum, _ scratch: AttentionScratch, _ checkpoint: () throws -> Void
    ) throws {
        let parameters = layout.layers[index]
        let layer = activations.layers[index]
        let rows = tokens.count

        let output = outputGradient(
            flow, parameters.postAttentionNorm, layer.attentionOutput, rstd: layer.attentionOutputRstd, gradients, rows: rows)
        inputGradient(output, parameters.attentionOutput, flow.attended, rows: rows)
        weightGradient(output, layer.attended, parameters.attentionOutput, gradients, rows: rows)
        let attention = Attention(self, layer: index, scratch: scratch)
        try attention.backward(layer, flow, checkpoint: checkpoint)
        attention.backwardSinks(layer, flow, into: gradients)
        split(.elementwise, rows) { [self] _, part in
            turn(index, flow.projected + part.lowerBound * projectedWidth, tokens, part, direction: -1)
        }
        backwardHeadNorms(index, layer, flow.projected, gradients, rows: rows)
        let normalized = normalize(layer.input, parameters.inputNorm, activations.normalized, rstd: layer.inputRstd, rows: rows)
        weightGradient(flow.projected, normalized, parameters.queryKeyValue, gradients, rows: rows)
        backwardInput(
            flow.projected, parameters.queryKeyValue, parameters.inputNorm, layer.input, rstd: layer.inputRstd, flow, gradients, rows: rows)
    }

    /// The gradient of a block's output, before it was normalized, scaled and added.
    private func outputGradient(
        _ flow: GradientActivations, _ norm: ParameterLayout.Norm?, _ kept: UnsafePointer<Float>, rstd: UnsafePointer<Float>,
        _ gradients: GradientSum, rows: Int
    ) -> UnsafeMutablePointer<Float> {
        let factor = configuration.scales.residual
        if factor != 1 {
            flow.output.update(from: flow.residual, count: rows * hidden)
            scale(flow.output, by: factor, rows: rows, channels: hidden)
        }
        guard let norm else { return factor == 1 ? flow.residual : flow.output }
        backwardNorm(factor == 1 ? flow.residual : flow.output, kept, norm, rstd: rstd, flow.output, gradients, rows: rows, replacing: true)
        return flow.output
    }

    /// Adds to the residual stream's gradient what a block gives to it through its first projection and the norm before it.
    private func backwardInput(
        _ dy: UnsafePointer<Float>, _ projection: ParameterLayout.Projection, _ norm: ParameterLayout.Norm?,
        _ input: UnsafePointer<Float>, rstd: UnsafePointer<Float>, _ flow: GradientActivations, _ gradients: GradientSum, rows: Int
    ) {
        inputGradient(dy, projection, flow.normalized, rows: rows)
        if let norm { return backwardNorm(flow.normalized, input, norm, rstd: rstd, flow.residual, gradients, rows: rows) }
        split(.elementwise, rows) { [self] _, part in
            let offset = part.lowerBound * hidden
            swage_add(flow.residual + offset, flow.normalized + offset, part.count * hidden)
        }
    }

    func inputGradient(
        _ dy: UnsafePointer<Float>, _ projection: ParameterLayout.Projection, _ dx: UnsafeMutablePointer<Float>, rows: Int
    ) {
        products.inputGradient(
            dy, parameters.start + projection.weight, dx, rows: rows, inputs: projection.inputs, outputs: projection.outputs)
    }

    func weightGradient(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ projection: ParameterLayout.Projection, _ gradients: GradientSum,
        rows: Int
    ) {
        if let bias = projection.bias { swage_bias_backward(dy, gradients.start + bias, rows, projection.outputs, projection.outputs) }
        products.weightGradient(
            dy, x, gradients.start + projection.weight, rows: rows, inputs: projection.inputs, outputs: projection.outputs,
            accumulating: gradients.accumulates)
    }

    /// Adds each token's gradient to its embedding's, and to its position's. Threads share the channels, so that no two
    /// write one place.
    private func backwardEmbedding(_ tokens: FlatBatch, _ dx: UnsafeMutablePointer<Float>, _ gradients: GradientSum) {
        scale(dx, by: configuration.scales.embedding, rows: tokens.count, channels: hidden)
        split(.elementwise, hidden) { [self] _, part in
            for (row, id) in tokens.ids.enumerated() {
                let gradient = dx + row * hidden + part.lowerBound
                swage_add(gradients.start + layout.embedding + Int(id) * hidden + part.lowerBound, gradient, part.count)
                if let positions = layout.positions {
                    let position = Int(tokens.positions[row])
                    swage_add(gradients.start + positions + position * hidden + part.lowerBound, gradient, part.count)
                }
            }
        }
    }
}
