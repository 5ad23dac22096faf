import SwageFiles
import Swage

/// From the last layer's output to the outputs that were asked for.
struct ForwardPass {
    let inputs: ForwardInputs
    let tokens: FlatBatch
    let model: DecoderModel
    let output: UnsafePointer<Float>
    let scratch: OutputHeadScratch

    private var vocabulary: Int { model.configuration.vocabularySize }

    func run(checkpoint: () throws -> Void) throws -> ForwardOutputs {
        var outputs = ForwardOutputs()
        let perToken = inputs.outputs.intersection([.logProbs, .entropy])
        if !perToken.isEmpty {
            let wanted = tokens.outputs.filter { inputs.targetMask?.scalars[$0.place] != 0 }
            let targets = inputs.targetIDs.map { targets in wanted.map { targets.scalars[$0.place] } }
            let computed = try OutputHead(model, scratch, output: output, rows: wanted.map(\.row), targets: targets ?? [])
                .forward(perToken, checkpoint: checkpoint)
            let places = wanted.map(\.place)
            if perToken.contains(.logProbs) { outputs.logProbs = spread(computed.logProbs, places) }
            if perToken.contains(.entropy) { outputs.entropy = spread(computed.entropy, places) }
        }
        if inputs.outputs.contains(.logits) || inputs.outputs.contains(.hiddenStates) {
            try runWhole(&outputs, checkpoint)
        }
        if inputs.outputs.contains(.outputHead) {
            outputs.outputHead = Tensor(
                unchecked: Array(
                    UnsafeBufferPointer(
                        start: model.parameters.start + model.layout.head, count: vocabulary * model.hidden)),
                shape: [vocabulary, model.hidden])
        }
        return outputs
    }

    /// The outputs that have every position.
    private func runWhole(_ outputs: inout ForwardOutputs, _ checkpoint: () throws -> Void) throws {
        let head = try OutputHead(model, scratch, output: output, rows: Array(0..<tokens.count), targets: [])
        if inputs.outputs.contains(.hiddenStates) {
            let states = UnsafeBufferPointer(start: head.normalized, count: tokens.count * model.hidden)
            outputs.hiddenStates = Tensor(unchecked: Array(states), shape: inputs.inputIDs.shape + [model.hidden])
        }
        guard inputs.outputs.contains(.logits) else { return }
        var result: [Float] = []
        result.reserveCapacity(tokens.count * vocabulary)
        _ = try head.forward([], checkpoint: checkpoint) { rows, logits in
            result += UnsafeBufferPointer(start: logits, count: rows.count * vocabulary)
        }
        outputs.logits = Tensor(unchecked: result, shape: inputs.inputIDs.shape + [vocabulary])
    }

    private func spread(_ values: [Float], _ places: [Int]) -> Tensor<Float> {
        var result = [Float](repeating: 0, count: inputs.inputIDs.scalars.count)
        for (place, value) in zip(places, values) { result[place] = value }
        return Tensor(unchecked: result, shape: inputs.inputIDs.shape)
    }
}
