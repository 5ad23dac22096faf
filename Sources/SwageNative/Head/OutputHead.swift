import SwageFiles
import CSwageKernels
import Swage

/// The final norm and the product with the vocabulary, for the positions that are wanted and no others.
///
/// Logits exist for a chunk of positions at a time, `[rows, V]`; all of `[tokens, V]` never does, unless a loss needs
/// them all at once.
final class OutputHead {
    /// The most logits that are held at once.
    private static let chunkElements = 1 << 25

    let model: DecoderModel
    /// The wanted positions, as rows of the last layer's output. One row may be wanted several times, with different targets.
    let rows: [Int]
    /// The token at each wanted position whose log-probability counts; empty where none is asked for.
    private let targets: [Int32]
    private let scratch: OutputHeadScratch

    /// What the output head reads, `[rows, C]`.
    var normalized: UnsafeMutablePointer<Float> { scratch.normalized.start }
    private var logits: UnsafeMutablePointer<Float> { scratch.logits.start }
    private var logSumExp: UnsafeMutablePointer<Float> { scratch.logSumExp.start }
    private var entropies: UnsafeMutablePointer<Float> { scratch.entropies.start }
    private var channels: Int { model.hidden }
    private var vocabulary: Int { model.configuration.vocabularySize }
    private var weight: UnsafePointer<Float> { UnsafePointer(model.parameters.start + model.layout.head) }

    /// - Parameters:
    ///   - scratch: no other head may be at work in it.
    ///   - output: the last layer's output, `[N, C]`.
    ///   - rows: the wanted rows of it.
    ///   - targets: one token for each of `rows`; may be empty where no log-probabilities are asked for.
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for them.
    init(
        _ model: DecoderModel, _ scratch: OutputHeadScratch, output: UnsafePointer<Float>, rows: [Int],
        targets: [Int32]
    ) throws {
        self.model = model
        self.scratch = scratch
        self.rows = rows
        self.targets = targets
        try scratch.prepare(rows: rows.count, channels: model.hidden)
        try scratch.prepareLogits(most: chunks.map(\.count).max() ?? 0, vocabulary: vocabulary)
        let hidden = scratch.hidden.start
        model.split(.elementwise, rows.count) { _, part in
            for index in part {
                (hidden + index * model.hidden).update(from: output + rows[index] * model.hidden, count: model.hidden)
            }
        }
        model.normalize(
            hidden, model.layout.finalNorm, normalized, rstd: scratch.rstd.start, rows: rows.count)
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
    ) throws -> Outputs {
        var result = Outputs(logProbs: [], entropy: [])
        for chunk in chunks {
            try checkpoint()
            computeLogits(chunk)
            let computed = compute(outputs, chunk)
            result.logProbs += computed.logProbs
            result.entropy += computed.entropy
            try body(chunk, logits)
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
        var addToLogits: ((Range<Int>, UnsafePointer<Float>, UnsafeMutablePointer<Float>) throws -> Void)?

        var needsLogits: Bool { logProbs != nil || entropy != nil || addToLogits != nil }
    }

    /// Adds the parameters' gradients to `gradients` and that of the last layer's output to the zeroed
    /// `residual[N, C]`. Returns the log-probabilities if they have a gradient.
    func backward(
        _ flow: Gradients, residual: UnsafeMutablePointer<Float>, into gradients: GradientSum,
        checkpoint: () throws -> Void
    ) throws -> [Float] {
        var result: [Float] = []
        try scratch.prepareBackward(rows: rows.count, channels: channels)
        let (dnormalized, dhidden) = (scratch.dnormalized.start, scratch.dhidden.start)
        if !flow.needsLogits { dnormalized.update(repeating: 0, count: rows.count * channels) }
        for chunk in flow.needsLogits ? chunks : [] {
            try checkpoint()
            computeLogits(chunk)
            result += compute(flow.outputs, chunk).logProbs
            let dlogits = try backwardLogits(chunk, flow)
            model.products.inputGradient(
                dlogits, weight, dnormalized + chunk.lowerBound * channels, rows: chunk.count,
                inputs: channels, outputs: vocabulary)
            model.products.weightGradient(
                dlogits, normalized + chunk.lowerBound * channels, gradients.start + model.layout.head,
                rows: chunk.count, inputs: channels, outputs: vocabulary, accumulating: true)
        }
        if let direct = flow.normalized { swage_add(dnormalized, direct.start, rows.count * channels) }
        dhidden.update(repeating: 0, count: rows.count * channels)
        model.backwardNorm(
            dnormalized, scratch.hidden.start, model.layout.finalNorm, rstd: scratch.rstd.start, dhidden, gradients,
            rows: rows.count)
        for (index, row) in rows.enumerated() {
            swage_add(residual + row * channels, dhidden + index * channels, channels)
        }
        return result
    }

    /// The wanted positions in as few equal parts as the room for logits allows.
    private var chunks: [Range<Int>] {
        let most = max(1, Self.chunkElements / vocabulary)
        let count = (rows.count + most - 1) / most
        return (0..<count).map { rows.count * $0 / count..<rows.count * ($0 + 1) / count }
    }

    private func computeLogits(_ chunk: Range<Int>) {
        model.multiply(
            normalized + chunk.lowerBound * channels, model.layout.head, logits, rows: chunk.count, inputs: channels,
            outputs: vocabulary)
        let scales = model.configuration.scales
        if scales.logitCap != 0 {
            model.split(.loss, chunk.count) { [self] _, part in
                swage_soft_cap(
                    logits + part.lowerBound * vocabulary, part.count * vocabulary, Float(1 / scales.logits), Float(scales.logitCap))
            }
        } else {
            model.scale(logits, by: 1 / scales.logits, rows: chunk.count, channels: vocabulary)
        }
    }

    private func compute(_ outputs: Set<ModelOutput>, _ chunk: Range<Int>) -> Outputs {
        let wantsEntropy = outputs.contains(.entropy)
        guard wantsEntropy || outputs.contains(.logProbs) else { return Outputs(logProbs: [], entropy: []) }
        model.split(.loss, chunk.count) { [self] _, part in
            let source = logits + part.lowerBound * vocabulary
            let row = chunk.lowerBound + part.lowerBound
            swage_log_sum_exp(source, logSumExp + row, part.count, vocabulary)
            if wantsEntropy {
                swage_entropy(source, logSumExp + row, entropies + row, part.count, vocabulary)
            }
        }
        let logProbs =
            !outputs.contains(.logProbs)
            ? []
            : chunk.map { row in
                logits[(row - chunk.lowerBound) * vocabulary + Int(targets[row])] - logSumExp[row]
            }
        return Outputs(logProbs: logProbs, entropy: wantsEntropy ? chunk.map { entropies[$0] } : [])
    }

    /// The gradient of a chunk's logits: in their own place where nothing else has to be read from them.
    private func backwardLogits(_ chunk: Range<Int>, _ flow: Gradients) throws -> UnsafeMutablePointer<Float> {
        let scales = model.configuration.scales
        let isInPlace = flow.entropy == nil && flow.addToLogits == nil && scales.logitCap == 0
        if !isInPlace { try scratch.dlogits.reserve(chunk.count * vocabulary, for: "the gradients of logits") }
        let dlogits = scratch.dlogits.start
        if !isInPlace { dlogits.update(repeating: 0, count: chunk.count * vocabulary) }
        let target = isInPlace ? logits : dlogits
        model.split(.loss, chunk.count) { [self] _, part in
            let offset = part.lowerBound * vocabulary
            let row = chunk.lowerBound + part.lowerBound
            if let logProbs = flow.logProbs {
                if !isInPlace { (target + offset).update(from: logits + offset, count: part.count * vocabulary) }
                targets.withUnsafeBufferPointer { targets in
                    logProbs.withUnsafeBufferPointer { logProbs in
                        swage_logprob_backward(
                            target + offset, logSumExp + row, targets.baseAddress! + row,
                            logProbs.baseAddress! + row, part.count, vocabulary)
                    }
                }
            }
            flow.entropy?.withUnsafeBufferPointer { entropy in
                swage_entropy_backward(
                    logits + offset, logSumExp + row, entropies + row, entropy.baseAddress! + row,
                    target + offset, part.count, vocabulary)
            }
        }
        try flow.addToLogits?(chunk, logits, target)
        if scales.logitCap != 0 {
            model.split(.loss, chunk.count) { [self] _, part in
                let offset = part.lowerBound * vocabulary
                swage_soft_cap_backward(
                    target + offset, logits + offset, part.count * vocabulary, Float(1 / scales.logits), Float(scales.logitCap))
            }
        } else {
            model.scale(target, by: 1 / scales.logits, rows: chunk.count, channels: vocabulary)
        }
        return target
    }
}

extension OutputHead.Gradients {
    fileprivate var outputs: Set<ModelOutput> {
        Set([logProbs.map { _ in .logProbs }, entropy.map { _ in .entropy }].compactMap { $0 })
    }
}

/// The memory of an output head, kept from call to call.
final class OutputHeadScratch {
    /// The wanted rows of the last layer's output, before and after the norm, `[rows, C]`.
    let hidden = FloatBuffer()
    let normalized = FloatBuffer()
    let dnormalized = FloatBuffer()
    let dhidden = FloatBuffer()
    let rstd = FloatBuffer()
    let logSumExp = FloatBuffer()
    let entropies = FloatBuffer()
    /// A chunk of logits, and of their gradients where they need a place of their own.
    let logits = FloatBuffer()
    let dlogits = FloatBuffer()

    func prepare(rows: Int, channels: Int) throws {
        for buffer in [hidden, normalized] { try buffer.reserve(rows * channels, for: "\(rows) hidden states") }
        for buffer in [rstd, logSumExp, entropies] { try buffer.reserve(rows, for: "\(rows) log-probabilities") }
    }

    func prepareBackward(rows: Int, channels: Int) throws {
        for buffer in [dnormalized, dhidden] { try buffer.reserve(rows * channels, for: "\(rows) hidden states") }
    }

    /// Room for the logits of `most` positions at once.
    func prepareLogits(most: Int, vocabulary: Int) throws {
        try logits.reserve(most * vocabulary, for: "the logits of \(most) positions")
    }
}
