import CSwageKernels
import SwageFiles

extension DecoderModel {
    /// A layer's experts in the place of one feed-forward block: tokens are grouped by expert, so that each expert's matrices are
    /// read once.
    func runExperts(
        _ index: Int, _ x: UnsafePointer<Float>, _ layer: LayerActivations, _ activations: Activations,
        _ output: UnsafeMutablePointer<Float>, rows: Int
    ) {
        let parameters = layout.layers[index]
        let perToken = configuration.experts.perToken
        multiply(x, parameters.router, layer.routerLogits, rows: rows)
        addBias(parameters.router, layer.routerLogits, rows: rows)
        let choice = ExpertChoice(layer.routerLogits, rows: rows, configuration.experts)
        gather(x, choice, into: activations.gathered)
        for (expert, slots) in zip(parameters.experts, choice.ranges) where !slots.isEmpty {
            multiply(
                activations.gathered + slots.lowerBound * hidden, expert.gateUp, layer.gateUp + slots.lowerBound * gateUpWidth,
                rows: slots.count)
            addBias(expert.gateUp, layer.gateUp + slots.lowerBound * gateUpWidth, rows: slots.count)
        }
        split(.elementwise, choice.tokens.count) { [self] _, part in activate(layer.gateUp, activations.activated, part) }
        for (expert, slots) in zip(parameters.experts, choice.ranges) where !slots.isEmpty {
            multiply(
                activations.activated + slots.lowerBound * configuration.feedForwardSize, expert.down,
                activations.expertOutput + slots.lowerBound * hidden, rows: slots.count)
            addBias(expert.down, activations.expertOutput + slots.lowerBound * hidden, rows: slots.count)
        }
        split(.elementwise, rows) { [self] _, part in
            for row in part {
                (output + row * hidden).update(repeating: 0, count: hidden)
                for slot in choice.slots[row * perToken..<(row + 1) * perToken] {
                    swage_add_scaled(output + row * hidden, activations.expertOutput + slot * hidden, hidden, choice.weights[slot])
                }
            }
        }
    }

    /// Carries `dy[N, C]`, the gradient of what the experts give, back to the residual stream.
    func backwardExperts(
        _ index: Int, _ dy: UnsafePointer<Float>, _ activations: Activations, _ flow: GradientActivations, _ gradients: GradientSum,
        rows: Int
    ) {
        let parameters = layout.layers[index]
        let layer = activations.layers[index]
        let width = configuration.feedForwardSize
        let choice = ExpertChoice(layer.routerLogits, rows: rows, configuration.experts)
        let slotCount = choice.tokens.count
        let normalized = normalize(
            layer.middle, parameters.feedForwardNorm, activations.normalized, rstd: layer.middleRstd, rows: rows)
        gather(normalized, choice, into: activations.gathered)
        gather(dy, choice, into: flow.slots)
        for (expert, slots) in zip(parameters.experts, choice.ranges) where !slots.isEmpty {
            inputGradient(flow.slots + slots.lowerBound * hidden, expert.down, flow.activated + slots.lowerBound * width, rows: slots.count)
        }
        // Of what an expert gives before it is multiplied by its weight: the weight's own gradient is its product with that, and
        // with the bias.
        let dweights = [Float](unsafeUninitializedCapacity: slotCount) { dweights, count in
            let dweights = dweights.baseAddress!
            split(.elementwise, slotCount) { [self] _, part in
                backwardActivation(flow.activated, layer.gateUp, flow.gateUp, activations.activated, part)
                for slot in part {
                    swage_row_dots(
                        flow.activated + slot * width, activations.activated + slot * width, dweights + slot, 1, width, width, 1)
                    if let bias = parameters.experts[choice.expert(of: slot)].down.bias {
                        var product: Float = 0
                        swage_row_dots(flow.slots + slot * hidden, self.parameters.start + bias, &product, 1, hidden, hidden, 1)
                        dweights[slot] += product
                    }
                    swage_scale(flow.gateUp + slot * gateUpWidth, gateUpWidth, choice.weights[slot])
                    swage_scale(flow.slots + slot * hidden, hidden, choice.weights[slot])
                }
            }
            count = slotCount
        }
        for (expert, slots) in zip(parameters.experts, choice.ranges) {
            backward(expert, slots, activations, flow, gradients)
        }
        choice.backward(dweights, into: flow.routerLogits)
        weightGradient(flow.routerLogits, normalized, parameters.router, gradients, rows: rows)
        inputGradient(flow.routerLogits, parameters.router, flow.normalized, rows: rows)
        let perToken = configuration.experts.perToken
        split(.elementwise, rows) { [self] _, part in
            for row in part {
                for slot in choice.slots[row * perToken..<(row + 1) * perToken] {
                    swage_add(flow.normalized + row * hidden, flow.slots + slot * hidden, hidden)
                }
            }
        }
        if let norm = parameters.feedForwardNorm {
            backwardNorm(flow.normalized, layer.middle, norm, rstd: layer.middleRstd, flow.residual, gradients, rows: rows)
        } else {
            swage_add(flow.residual, flow.normalized, rows * hidden)
        }
    }

    /// One expert's gradients; that of what it reads replaces that of what it gives.
    private func backward(
        _ expert: ParameterLayout.Expert, _ slots: Range<Int>, _ activations: Activations, _ flow: GradientActivations,
        _ gradients: GradientSum
    ) {
        guard !slots.isEmpty else {
            if gradients.accumulates { return }
            for projection in [expert.gateUp, expert.down] {
                (gradients.start + projection.weight).update(repeating: 0, count: projection.inputs * projection.outputs)
            }
            return
        }
        let dgateUp = flow.gateUp + slots.lowerBound * gateUpWidth
        let dslots = flow.slots + slots.lowerBound * hidden
        weightGradient(
            dslots, activations.activated + slots.lowerBound * configuration.feedForwardSize, expert.down, gradients, rows: slots.count)
        weightGradient(dgateUp, activations.gathered + slots.lowerBound * hidden, expert.gateUp, gradients, rows: slots.count)
        inputGradient(dgateUp, expert.gateUp, dslots, rows: slots.count)
    }

    /// Lays out the rows of tokens by slot.
    private func gather(_ x: UnsafePointer<Float>, _ choice: ExpertChoice, into slots: UnsafeMutablePointer<Float>) {
        split(.elementwise, choice.tokens.count) { [self] _, part in
            for slot in part { (slots + slot * hidden).update(from: x + choice.tokens[slot] * hidden, count: hidden) }
        }
    }
}
