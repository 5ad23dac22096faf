import CSwageKernels
import Swage
import SwageFiles

/// A decoder: its weights, and what its layers compute. What is different from family to family is asked of its configuration.
///
/// Shapes are written with N tokens, C hidden channels, F feed-forward channels, H query heads, K key/value heads,
/// D elements a head, V vocabulary entries.
final class DecoderModel {
    let configuration: ModelConfiguration
    let layout: ParameterLayout
    let parameters: FloatBuffer
    /// As many as the model has rotaries.
    let rotaries: [RotaryTable]
    let team: ThreadTeam
    let products: Products
    let profiler: Profiler?
    /// What products for few rows read instead of the parameters, where there is one.
    private let eightBit: EightBitWeights?

    var isInEightBits: Bool { eightBit != nil }

    /// How many bytes of weights a pass for one token reads.
    let weightBytes: Int

    var hidden: Int { configuration.hiddenSize }
    var headSize: Int { configuration.headSize }
    var queryWidth: Int { configuration.headCount * headSize }
    var keyWidth: Int { configuration.keyValueHeadCount * headSize }
    /// The width of a row that holds queries, keys and values.
    var projectedWidth: Int { queryWidth + 2 * keyWidth }

    /// Whether the feed-forward block has a gate beside what it multiplies.
    let isGated: Bool
    var gateUpWidth: Int { (isGated ? 2 : 1) * configuration.feedForwardSize }
    /// How many feed-forward blocks compute each token.
    var slotsPerToken: Int { max(1, configuration.experts.perToken) }

    /// Whether beginnings that sequences have in common can be computed once: where frequencies depend on a sequence's length,
    /// they differ.
    var sharesBeginnings: Bool { !rotaries.contains { $0.dependsOnLength } }

    /// Reads the weights of `files`.
    /// - Throws: ``TrainerError`` if they do not fit the configuration, or are not finite.
    init(_ files: ModelFiles, team: ThreadTeam, profiler: Profiler? = nil, inEightBits: Bool = false) throws {
        configuration = files.configuration
        isGated = [.gate, .gateUp, .expertGate, .expertsGateUp].contains { files.configuration.family.has($0) }
        try files.checkLayerCount()
        layout = try ParameterLayout(files.configuration)
        try files.checkShapes(layout.parameters.map { ($0.name, $0.shape) })
        parameters = try FloatBuffer(count: layout.count, for: "the weights of this model")
        rotaries = files.configuration.rotaries.map { RotaryTable($0) }
        self.team = team
        self.profiler = profiler
        products = Products(team: team, profiler: profiler)
        try Self.read(files.weights, layout, into: parameters, team: team, place: files.path)
        let shapes = layout.matrices
        eightBit = inEightBits ? try EightBitWeights(parameters, shapes: shapes, products: products) : nil
        let weightCount = shapes.values.reduce(0) { $0 + $1.outputs * $1.inputs }
        weightBytes = eightBit?.byteCount ?? weightCount * MemoryLayout<Float>.stride
    }

    /// Reads every parameter of `layout`.
    static func read(
        _ weights: any WeightSource, _ layout: ParameterLayout, into buffer: FloatBuffer, team: ThreadTeam,
        place: String
    ) throws {
        var failures = [(any Error)?](repeating: nil, count: layout.parameters.count)
        failures.withUnsafeMutableBufferPointer { failures in
            let failures = failures.baseAddress!
            team.run(jobs: layout.parameters.count) { _, index in
                let parameter = layout.parameters[index]
                let destination = UnsafeMutableBufferPointer(
                    start: buffer.start + parameter.offset, count: parameter.count)
                do {
                    try weights.read(parameter.name, into: destination)
                    parameter.order.arrange(destination, shape: parameter.shape)
                    // NaN and infinity are what makes a sum of squares not finite.
                    guard swage_sum_of_squares(destination.baseAddress!, destination.count).isFinite else {
                        throw TrainerError(
                            .nonFinite, "\(place): tensor \"\(parameter.name)\" holds NaN or infinity",
                            expected: "finite weights")
                    }
                } catch {
                    failures[index] = error
                }
            }
        }
        if let failure = failures.compactMap({ $0 }).first { throw failure }
    }

    /// `y[rows, outputs] = x[rows, inputs] · weightᵀ`, by the matrix at `offset`.
    func multiply(
        _ x: UnsafePointer<Float>, _ offset: Int, _ y: UnsafeMutablePointer<Float>, rows: Int, inputs: Int, outputs: Int
    ) {
        if let eightBit, rows <= Products.mostFewRows {
            eightBit.forward(x, offset: offset, y, rows: rows, inputs: inputs, outputs: outputs)
        } else {
            products.forward(x, parameters.start + offset, y, rows: rows, inputs: inputs, outputs: outputs)
        }
    }

    /// The same by a projection, without its bias.
    func multiply(_ x: UnsafePointer<Float>, _ projection: ParameterLayout.Projection, _ y: UnsafeMutablePointer<Float>, rows: Int) {
        multiply(x, projection.weight, y, rows: rows, inputs: projection.inputs, outputs: projection.outputs)
    }

    /// Adds a projection's bias, if it has one, to `y[rows, outputs]`, on the calling thread.
    func addBias(_ projection: ParameterLayout.Projection, _ y: UnsafeMutablePointer<Float>, rows: Int) {
        if let bias = projection.bias { swage_add_bias(y, parameters.start + bias, rows, projection.outputs) }
    }

    /// Makes sure that the model knows positions `0..<count`, where it has learned them.
    /// - Throws: ``TrainerError`` with code `tooLarge`.
    func requirePositions(_ count: Int) throws {
        guard layout.positions != nil, count > configuration.contextLength else { return }
        throw TrainerError(
            .tooLarge, "a sequence has \(count) tokens, and the model has learned \(configuration.contextLength) positions",
            expected: "\(configuration.contextLength) tokens at most, the completion included")
    }

    /// Multiplies `x[rows, channels]` by a factor, unless that is 1.
    func scale(_ x: UnsafeMutablePointer<Float>, by factor: Double, rows: Int, channels: Int) {
        if factor == 1 { return }
        split(.elementwise, rows) { _, part in
            swage_scale(x + part.lowerBound * channels, part.count * channels, Float(factor))
        }
    }

    /// Shares `rows` among the threads, as part of a phase.
    func split(_ phase: NativeProfile.Phase, _ rows: Int, _ body: (_ thread: Int, _ part: Range<Int>) -> Void) {
        profiler.measure(phase) { team.split(rows, body) }
    }

    /// The embeddings of tokens, `[N, C]`.
    func embed(_ tokens: FlatBatch, into x: UnsafeMutablePointer<Float>) {
        let factor = Float(configuration.scales.embedding)
        split(.elementwise, tokens.count) { [self] _, part in
            for row in part {
                let embedding = parameters.start + layout.embedding + Int(tokens.ids[row]) * hidden
                (x + row * hidden).update(from: embedding, count: hidden)
                if let positions = layout.positions {
                    swage_add(x + row * hidden, parameters.start + positions + Int(tokens.positions[row]) * hidden, hidden)
                }
            }
            if factor != 1 { swage_scale(x + part.lowerBound * hidden, part.count * hidden, factor) }
        }
    }
}
