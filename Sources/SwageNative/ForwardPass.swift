import Swage

/// From the last layer's output to the outputs that were asked for.
struct ForwardPass {
    let inputs: ForwardInputs
    let tokens: FlatBatch
    let model: DecoderModel
    let output: UnsafePointer<Float>

    func run(checkpoint: () throws -> Void) throws -> ForwardOutputs {
        var outputs = ForwardOutputs()
        if inputs.outputs.contains(.logProbs), let targets = inputs.targetIDs {
            outputs.logProbs = try logProbs(targets, checkpoint)
        }
        if inputs.outputs.contains(.logits) { outputs.logits = try logits(checkpoint) }
        return outputs
    }

    private func logProbs(_ targets: Tensor<Int32>, _ checkpoint: () throws -> Void) throws -> Tensor<Float> {
        let wanted = tokens.sources.indices.filter { inputs.targetMask?.scalars[tokens.sources[$0]] != 0 }
        let head = OutputHead(
            model, output: output, rows: wanted, targets: wanted.map { targets.scalars[tokens.sources[$0]] })
        var result = [Float](repeating: 0, count: targets.scalars.count)
        for (row, value) in zip(wanted, try head.logProbs(checkpoint: checkpoint)) {
            result[tokens.sources[row]] = value
        }
        return try Tensor(result, shape: targets.shape)
    }

    private func logits(_ checkpoint: () throws -> Void) throws -> Tensor<Float> {
        let vocabulary = model.configuration.vocabularySize
        let head = OutputHead(model, output: output, rows: Array(0..<tokens.count), targets: [])
        var result: [Float] = []
        result.reserveCapacity(tokens.count * vocabulary)
        try head.forEachLogits(checkpoint: checkpoint) { rows, logits in
            result += UnsafeBufferPointer(start: logits, count: rows.count * vocabulary)
        }
        return try Tensor(result, shape: inputs.inputIDs.shape + [vocabulary])
    }
}
