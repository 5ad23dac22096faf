import CSwageKernels
import Swage

/// The final norm and the product with the vocabulary, for the positions that are wanted and no others.
///
/// Logits exist for a chunk of positions at a time, `[rows, V]`; all of `[tokens, V]` never does, unless a loss needs
/// them all at once.
final class OutputHead {
    /// The most logits that are held at once.
    private static let chunkElements = 1 << 24

    let model: DecoderModel
    /// The wanted positions, as rows of the last layer's output.
    let rows: [Int]
    /// What the output head reads, `[rows, C]`.
    let normalized: FloatBuffer
    /// The token at each wanted position whose log-probability counts; empty where none is asked for.
    private let targets: [Int32]
    private let hidden: FloatBuffer
    private let rstd: FloatBuffer
    private let logSumExp: FloatBuffer
    private let entropies: FloatBuffer
    private let chunkRows: Int
    private lazy var logits = FloatBuffer(count: chunkRows * vocabulary)

    private var channels: Int { model.hidden }
    private var vocabulary: Int { model.configuration.vocabularySize }
    private var weight: UnsafePointer<Float> { UnsafePointer(model.parameters.start + model.layout.head) }

    /// - Parameters:
    ///   - output: the last layer's output, `[N, C]`.
    ///   - rows: the wanted rows of it.
    ///   - targets: one token for each of `rows`; may be empty where no log-probabilities are asked for.
    init(_ model: DecoderModel, output: UnsafePointer<Float>, rows: [Int], targets: [Int32]) {
        self.model = model
        self.rows = rows
        self.targets = targets
        hidden = FloatBuffer(count: rows.count * model.hidden)
        normalized = FloatBuffer(count: rows.count * model.hidden)
        rstd = FloatBuffer(count: rows.count)
        logSumExp = FloatBuffer(count: rows.count)
        entropies = FloatBuffer(count: rows.count)
        chunkRows = max(1, min(rows.count, Self.chunkElements / model.configuration.vocabularySize))
        for (index, row) in rows.enumerated() {
            (hidden.start + index * model.hidden).update(from: output + row * model.hidden, count: model.hidden)
        }
        model.normalize(
            hidden.start, model.layout.finalNorm, normalized.start, rstd: rstd.start, rows: rows.count)
    }

    /// What is asked of one position at a time.
    struct Outputs {
        var logProbs: [Float]
        var entropy: [Float]
    }

    /// Computes what `outputs` asks for of log-probabilities and entropies, and hands every chunk of logits to `body`.
    func forward(
        _ outputs: Set<ModelOutput>, checkpoint: () throws -> Void,
        _ body: (Range<Int>, UnsafePointer<Float>) throws -> Void = { _, _ in }
    ) rethrows -> Outputs {
        var result = Outputs(logProbs: [], entropy: [])
        for chunk in chunks {
            try checkpoint()
            computeLogits(chunk)
            let computed = compute(outputs, chunk)
            result.logProbs += computed.logProbs
            result.entropy += computed.entropy
            try body(chunk, logits.start)
        }
        return result
    }

    /// The gradients that a loss gives to the head's outputs; nil for an output that it does not read.
    struct Gradients {
        /// `[rows]`
        var logProbs: [Float]?
        /// `[rows]`
        var entropy: [Float]?
        /// Of what the output head reads, `[rows, C]`.
        var normalized: FloatBuffer?
        /// Adds the rest of a chunk's gradient: the chunk's rows, its logits, and the gradient so far, `[rows, V]`.
        var addToLogits: ((Range<Int>, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void)?

        var needsLogits: Bool { logProbs != nil || entropy != nil || addToLogits != nil }
    }

    /// Adds the parameters' gradients to `gradients` and that of the last layer's output to the zeroed
    /// `residual[N, C]`. Returns the log-probabilities if they have a gradient.
    func backward(
        _ flow: Gradients, residual: UnsafeMutablePointer<Float>, into gradients: FloatBuffer,
        checkpoint: () throws -> Void
    ) rethrows -> [Float] {
        var result: [Float] = []
        let dnormalized = FloatBuffer(count: rows.count * channels)
        for chunk in flow.needsLogits ? chunks : [] {
            try checkpoint()
            computeLogits(chunk)
            result += compute(flow.outputs, chunk).logProbs
            let dlogits = backwardLogits(chunk, flow)
            model.products.inputGradient(
                dlogits, weight, dnormalized.start + chunk.lowerBound * channels, rows: chunk.count,
                inputs: channels, outputs: vocabulary)
            model.products.weightGradient(
                dlogits, normalized.start + chunk.lowerBound * channels, gradients.start + model.layout.head,
                rows: chunk.count, inputs: channels, outputs: vocabulary)
        }
        if let direct = flow.normalized { swage_add(dnormalized.start, direct.start, rows.count * channels) }
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

    private func compute(_ outputs: Set<ModelOutput>, _ chunk: Range<Int>) -> Outputs {
        let wantsEntropy = outputs.contains(.entropy)
        guard wantsEntropy || outputs.contains(.logProbs) else { return Outputs(logProbs: [], entropy: []) }
        model.team.split(chunk.count) { [self] _, part in
            let source = logits.start + part.lowerBound * vocabulary
            let row = chunk.lowerBound + part.lowerBound
            swage_log_sum_exp(source, logSumExp.start + row, part.count, vocabulary)
            if wantsEntropy {
                swage_entropy(source, logSumExp.start + row, entropies.start + row, part.count, vocabulary)
            }
        }
        let logProbs = !outputs.contains(.logProbs) ? [] : chunk.map { row in
            logits.start[(row - chunk.lowerBound) * vocabulary + Int(targets[row])] - logSumExp.start[row]
        }
        return Outputs(logProbs: logProbs, entropy: wantsEntropy ? chunk.map { entropies.start[$0] } : [])
    }

    /// The gradient of a chunk's logits: in their own place where nothing else has to be read from them.
    private func backwardLogits(_ chunk: Range<Int>, _ flow: Gradients) -> UnsafeMutablePointer<Float> {
        let isInPlace = flow.entropy == nil && flow.addToLogits == nil
        if !isInPlace { dlogits.start.update(repeating: 0, count: chunk.count * vocabulary) }
        let target = isInPlace ? logits.start : dlogits.start
        model.team.split(chunk.count) { [self] _, part in
            let offset = part.lowerBound * vocabulary
            let row = chunk.lowerBound + part.lowerBound
            if let logProbs = flow.logProbs {
                if !isInPlace { (target + offset).update(from: logits.start + offset, count: part.count * vocabulary) }
                targets.withUnsafeBufferPointer { targets in
                    logProbs.withUnsafeBufferPointer { logProbs in
                        swage_logprob_backward(
                            target + offset, logSumExp.start + row, targets.baseAddress! + row,
                            logProbs.baseAddress! + row, part.count, vocabulary)
                    }
                }
            }
            flow.entropy?.withUnsafeBufferPointer { entropy in
                swage_entropy_backward(
                    logits.start + offset, logSumExp.start + row, entropies.start + row, entropy.baseAddress! + row,
                    target + offset, part.count, vocabulary)
            }
        }
        flow.addToLogits?(chunk, logits.start, target)
        return target
    }

    private lazy var dlogits = FloatBuffer(count: chunkRows * vocabulary)
}

extension OutputHead.Gradients {
    fileprivate var outputs: Set<ModelOutput> {
        Set([logProbs.map { _ in .logProbs }, entropy.map { _ in .entropy }].compactMap { $0 })
    }
}
