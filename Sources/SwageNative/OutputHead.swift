import CSwageKernels
import Swage

/// The final norm and the product with the vocabulary, for the positions that are wanted and no others.
///
/// Logits exist for a chunk of positions at a time, `[rows, V]`; all of `[tokens, V]` never does.
final class OutputHead {
    /// The most logits that are held at once.
    private static let chunkElements = 1 << 24

    private let model: DecoderModel
    /// The wanted positions, as rows of the last layer's output.
    let rows: [Int]
    /// The token at each wanted position whose log-probability counts.
    private let targets: [Int32]
    private let hidden: FloatBuffer
    private let normalized: FloatBuffer
    private let rstd: FloatBuffer
    private let logSumExp: FloatBuffer
    private let logits: FloatBuffer
    private let chunkRows: Int

    private var channels: Int { model.hidden }
    private var vocabulary: Int { model.configuration.vocabularySize }
    private var weight: UnsafePointer<Float> { UnsafePointer(model.parameters.start + model.layout.head) }

    /// - Parameters:
    ///   - output: the last layer's output, `[N, C]`.
    ///   - rows: the wanted rows of it.
    ///   - targets: one token for each of `rows`; may be empty where only logits are asked for.
    init(_ model: DecoderModel, output: UnsafePointer<Float>, rows: [Int], targets: [Int32]) {
        self.model = model
        self.rows = rows
        self.targets = targets
        hidden = FloatBuffer(count: rows.count * model.hidden)
        normalized = FloatBuffer(count: rows.count * model.hidden)
        rstd = FloatBuffer(count: rows.count)
        logSumExp = FloatBuffer(count: rows.count)
        chunkRows = max(1, min(rows.count, Self.chunkElements / model.configuration.vocabularySize))
        logits = FloatBuffer(count: chunkRows * model.configuration.vocabularySize)
        for (index, row) in rows.enumerated() {
            (hidden.start + index * model.hidden).update(from: output + row * model.hidden, count: model.hidden)
        }
        model.normalize(
            hidden.start, model.layout.finalNorm, normalized.start, rstd: rstd.start, rows: rows.count)
    }

    /// The log-probability of each target, `[rows]`.
    func logProbs(checkpoint: () throws -> Void) rethrows -> [Float] {
        var result = [Float](repeating: 0, count: rows.count)
        for chunk in chunks {
            try checkpoint()
            computeLogits(chunk)
            computeLogProbs(chunk, into: &result)
        }
        return result
    }

    /// Hands out the logits of one chunk after another: the chunk's rows, and `[rows, V]`.
    func forEachLogits(
        checkpoint: () throws -> Void = {}, _ body: (Range<Int>, UnsafePointer<Float>) throws -> Void
    ) rethrows {
        for chunk in chunks {
            try checkpoint()
            computeLogits(chunk)
            try body(chunk, logits.start)
        }
    }

    /// Adds the parameters' gradients to `gradients` and that of the last layer's output to the zeroed
    /// `residual[N, C]`, given the gradient of each target's log-probability. Returns the log-probabilities.
    func backward(
        dLogProbs: [Float], residual: UnsafeMutablePointer<Float>, into gradients: FloatBuffer,
        checkpoint: () throws -> Void
    ) rethrows -> [Float] {
        var result = [Float](repeating: 0, count: rows.count)
        let dnormalized = FloatBuffer(count: rows.count * channels)
        for chunk in chunks {
            try checkpoint()
            computeLogits(chunk)
            computeLogProbs(chunk, into: &result)
            backwardLogits(chunk, dLogProbs)
            model.products.inputGradient(
                logits.start, weight, dnormalized.start + chunk.lowerBound * channels, rows: chunk.count,
                inputs: channels, outputs: vocabulary)
            model.products.weightGradient(
                logits.start, normalized.start + chunk.lowerBound * channels, gradients.start + model.layout.head,
                rows: chunk.count, inputs: channels, outputs: vocabulary)
        }
        let dhidden = FloatBuffer(count: rows.count * channels)
        model.backwardNorm(
            dnormalized.start, hidden.start, model.layout.finalNorm, rstd: rstd.start, dhidden.start, gradients,
            rows: rows.count)
        for (index, row) in rows.enumerated() {
            (residual + row * channels).update(from: dhidden.start + index * channels, count: channels)
        }
        return result
    }

    private var chunks: [Range<Int>] {
        stride(from: 0, to: rows.count, by: chunkRows).map { $0..<min($0 + chunkRows, rows.count) }
    }

    private func computeLogits(_ chunk: Range<Int>) {
        model.products.forward(
            normalized.start + chunk.lowerBound * channels, weight, logits.start, rows: chunk.count, inputs: channels,
            outputs: vocabulary)
    }

    private func computeLogProbs(_ chunk: Range<Int>, into result: inout [Float]) {
        model.team.split(chunk.count) { [self] _, part in
            swage_log_sum_exp(
                logits.start + part.lowerBound * vocabulary, logSumExp.start + chunk.lowerBound + part.lowerBound,
                part.count, vocabulary)
        }
        for row in chunk {
            result[row] =
                logits.start[(row - chunk.lowerBound) * vocabulary + Int(targets[row])] - logSumExp.start[row]
        }
    }

    private func backwardLogits(_ chunk: Range<Int>, _ dLogProbs: [Float]) {
        targets.withUnsafeBufferPointer { targets in
            dLogProbs.withUnsafeBufferPointer { dLogProbs in
                model.team.split(chunk.count) { [self] _, part in
                    let row = chunk.lowerBound + part.lowerBound
                    swage_logprob_backward(
                        logits.start + part.lowerBound * vocabulary, logSumExp.start + row,
                        targets.baseAddress! + row, dLogProbs.baseAddress! + row, part.count, vocabulary)
                }
            }
        }
    }
}
