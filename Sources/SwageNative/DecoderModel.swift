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

    var hidden: Int { configuration.hiddenSize }
    var headSize: Int { configuration.headSize }
    var queryWidth: Int { configuration.headCount * headSize }
    var keyWidth: Int { configuration.keyValueHeadCount * headSize }
    /// The width of a row that holds queries, keys and values.
    var projectedWidth: Int { queryWidth + 2 * keyWidth }

    /// Reads the weights of `files`.
    /// - Throws: ``TrainerError`` if they do not fit the configuration, or are not finite.
    init(_ files: ModelFiles, team: ThreadTeam) throws {
        configuration = files.configuration
        layout = ParameterLayout(files.configuration)
        try files.checkShapes(layout.parameters.map { ($0.name, $0.shape) })
        parameters = FloatBuffer(count: layout.count)
        rotary = RotaryTable(files.configuration)
        self.team = team
        products = Products(team: team)
        try Self.read(files.weights, layout, into: parameters, team: team, place: files.path)
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

    /// The embeddings of `ids`, `[N, C]`.
    func embed(_ ids: [Int32], into x: UnsafeMutablePointer<Float>) {
        for (row, id) in ids.enumerated() {
            (x + row * hidden).update(from: parameters.start + layout.embedding + Int(id) * hidden, count: hidden)
        }
    }

    /// `y[rows, C] = norm(x)`, by the norm at `weightOffset`.
    func normalize(
        _ x: UnsafePointer<Float>, _ weightOffset: Int, _ y: UnsafeMutablePointer<Float>,
        rstd: UnsafeMutablePointer<Float>, rows: Int
    ) {
        team.split(rows) { [self] _, part in
            swage_rmsnorm_forward(
                x + part.lowerBound * hidden, parameters.start + weightOffset, y + part.lowerBound * hidden,
                rstd + part.lowerBound, part.count, hidden, hidden, hidden, Float(configuration.normEpsilon))
        }
    }
}
