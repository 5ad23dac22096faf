import CSwageKernels
import Swage
import SwageFiles

/// A decoder of the Llama family: its weights, and what its layers compute.
///
/// Shapes are written with N tokens, C hidden channels, F feed-forward channels, H query heads, K key/value heads,
/// D elements a head, V vocabulary entries.
final class DecoderModel {
    let configuration: ModelConfiguration
    let layout: ParameterLayout
    let parameters: FloatBuffer
    let rotary: RotaryTable
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

    /// Reads the weights of `files`.
    /// - Throws: ``TrainerError`` if they do not fit the configuration, or are not finite.
    init(_ files: ModelFiles, team: ThreadTeam, profiler: Profiler? = nil, inEightBits: Bool = false) throws {
        configuration = files.configuration
        try files.checkLayerCount()
        layout = try ParameterLayout(files.configuration)
        try files.checkShapes(layout.parameters.map { ($0.name, $0.shape) })
        parameters = try FloatBuffer(count: layout.count, for: "the weights of this model")
        rotary = RotaryTable(files.configuration)
        self.team = team
        self.profiler = profiler
        products = Products(team: team, profiler: profiler)
        try Self.read(files.weights, layout, into: parameters, team: team, place: files.path)
        let shapes = layout.matrices(configuration)
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

    /// Shares `rows` among the threads, as part of a phase.
    func split(_ phase: NativeProfile.Phase, _ rows: Int, _ body: (_ thread: Int, _ part: Range<Int>) -> Void) {
        profiler.measure(phase) { team.split(rows, body) }
    }

    /// The embeddings of `ids`, `[N, C]`.
    func embed(_ ids: [Int32], into x: UnsafeMutablePointer<Float>) {
        split(.elementwise, ids.count) { [self] _, part in
            for row in part {
                let embedding = parameters.start + layout.embedding + Int(ids[row]) * hidden
                (x + row * hidden).update(from: embedding, count: hidden)
            }
        }
    }

    /// `y[rows, C] = norm(x)`, by the norm at `weightOffset`; with a residual, x is replaced by x + residual first.
    func normalize(
        _ x: UnsafeMutablePointer<Float>, adding residual: UnsafePointer<Float>? = nil, _ weightOffset: Int,
        _ y: UnsafeMutablePointer<Float>, rstd: UnsafeMutablePointer<Float>, rows: Int
    ) {
        split(.normalization, rows) { [self] _, part in
            let offset = part.lowerBound * hidden
            let epsilon = Float(configuration.normEpsilon)
            if let residual {
                swage_add_rmsnorm_forward(
                    x + offset, residual + offset, parameters.start + weightOffset, y + offset, rstd + part.lowerBound,
                    part.count, hidden, epsilon)
            } else {
                swage_rmsnorm_forward(
                    x + offset, parameters.start + weightOffset, y + offset, rstd + part.lowerBound, part.count, hidden,
                    hidden, hidden, epsilon)
            }
        }
    }
}
