import CSwageKernels
import SwageFiles

/// Causal attention with grouped queries (Ainslie et al., 2023) over packed sequences, in tiles of queries.
///
/// A tile's scores against the keys it can see are all that is ever held: `[64, T]` a thread for a sequence of T
/// tokens. The backward pass computes them again from the kept sums of exponentials (Dao et al., 2022).
struct Attention {
    static let tileRows = 64

    let model: DecoderModel
    /// Per-thread room for a tile of scores, and one more for their gradients.
    private let tiles: [FloatBuffer]
    private let gradientTiles: [FloatBuffer]
    private let window: Int?

    init(_ model: DecoderModel, layer: Int, scratch: AttentionScratch) {
        self.model = model
        tiles = scratch.tiles
        gradientTiles = scratch.gradientTiles
        window = model.configuration.slidingWindows[layer]
    }

    private var heads: Int { model.configuration.headCount }
    private var keyHeads: Int { model.configuration.keyValueHeadCount }
    private var groupSize: Int { heads / keyHeads }
    private var headSize: Int { model.headSize }
    private var stride: Int { model.projectedWidth }
    private var scale: Float { 1 / Float(headSize).squareRoot() }

    /// Fills `attended` and `logSumExp` of `layer` from its `projected`.
    func forward(_ layer: LayerActivations, segments: [Range<Int>]) {
        model.team.run(jobs: segments.count * heads) { thread, job in
            let head = job % heads
            let operands = HeadOperands(model, layer.projected.start, head: head)
            for tile in Self.tiles(of: segments[job / heads], window: window) {
                let scores = tiles[thread].start
                tile.multiply(operands.queries, transposed: operands.keys, into: scores, headSize, stride)
                swage_softmax_forward(
                    scores, tile.queries.count, tile.keys.count, tile.first, tile.last, scale,
                    layer.logSumExp.start + tile.queries.lowerBound * heads + head, heads)
                swage_sgemm(
                    false, false, Int32(tile.queries.count), Int32(headSize), Int32(tile.keys.count), 1, scores,
                    Int32(tile.keys.count), operands.values + tile.keys.lowerBound * stride, Int32(stride), 0,
                    layer.attended.start + tile.queries.lowerBound * model.queryWidth + head * headSize,
                    Int32(model.queryWidth))
            }
        }
    }

    /// Fills the gradient of `projected` from that of `attended`.
    func backward(_ layer: LayerActivations, _ gradients: GradientActivations, segments: [Range<Int>]) {
        let width = model.queryWidth
        model.team.run(jobs: segments.count * keyHeads) { thread, job in
            let segment = segments[job / keyHeads]
            let keyHead = job % keyHeads
            let target = HeadOperands(model, gradients.projected.start, head: keyHead * groupSize)
            for row in segment {
                (target.keys + row * stride).update(repeating: 0, count: headSize)
                (target.values + row * stride).update(repeating: 0, count: headSize)
            }
            for head in keyHead * groupSize..<(keyHead + 1) * groupSize {
                let delta = gradients.delta.start + segment.lowerBound * heads + head
                let offset = segment.lowerBound * width + head * headSize
                swage_row_dots(
                    layer.attended.start + offset, gradients.attended.start + offset, delta, segment.count, headSize,
                    width, heads)
                for tile in Self.tiles(of: segment, window: window) {
                    backward(tile, head: head, thread: thread, layer, gradients)
                }
            }
        }
    }

    private func backward(
        _ tile: Tile, head: Int, thread: Int, _ layer: LayerActivations, _ gradients: GradientActivations
    ) {
        let source = HeadOperands(model, layer.projected.start, head: head)
        let target = HeadOperands(model, gradients.projected.start, head: head)
        let (rows, columns) = (Int32(tile.queries.count), Int32(tile.keys.count))
        let (size, distance) = (Int32(headSize), Int32(stride))
        let (scores, dscores) = (tiles[thread].start, gradientTiles[thread].start)
        let row = tile.queries.lowerBound
        let dattended = gradients.attended.start + row * model.queryWidth + head * headSize
        let keyOffset = tile.keys.lowerBound * stride

        tile.multiply(source.queries, transposed: source.keys, into: scores, headSize, stride)
        swage_sgemm(
            false, true, rows, columns, size, 1, dattended, Int32(model.queryWidth), source.values + keyOffset,
            distance, 0, dscores, columns)
        swage_softmax_backward(
            scores, dscores, tile.queries.count, tile.keys.count, tile.first, tile.last, scale,
            layer.logSumExp.start + row * heads + head, gradients.delta.start + row * heads + head, heads)
        swage_sgemm(
            true, false, columns, size, rows, 1, scores, columns, dattended, Int32(model.queryWidth), 1,
            target.values + keyOffset, distance)
        swage_sgemm(
            false, false, rows, size, columns, 1, dscores, columns, source.keys + keyOffset, distance, 0,
            target.queries + row * stride, distance)
        swage_sgemm(
            true, false, columns, size, rows, 1, dscores, columns, source.queries + row * stride, distance, 1,
            target.keys + keyOffset, distance)
    }

    /// Some queries of a sequence, with the keys that any of them sees.
    private struct Tile {
        let queries: Range<Int>
        let keys: Range<Int>
        /// For each query, the columns of the tile that it sees.
        let first: [Int32]
        let last: [Int32]

        /// `scores[queries, keys] = q · kᵀ`
        func multiply(
            _ queries: UnsafePointer<Float>, transposed keys: UnsafePointer<Float>,
            into scores: UnsafeMutablePointer<Float>, _ headSize: Int, _ stride: Int
        ) {
            swage_sgemm(
                false, true, Int32(self.queries.count), Int32(self.keys.count), Int32(headSize), 1,
                queries + self.queries.lowerBound * stride, Int32(stride), keys + self.keys.lowerBound * stride,
                Int32(stride), 0, scores, Int32(self.keys.count))
        }
    }

    private static func tiles(of segment: Range<Int>, window: Int?) -> [Tile] {
        Swift.stride(from: segment.lowerBound, to: segment.upperBound, by: tileRows).map { begin in
            let queries = begin..<min(begin + tileRows, segment.upperBound)
            func firstSeen(_ query: Int) -> Int {
                window.map { max(segment.lowerBound, query - $0 + 1) } ?? segment.lowerBound
            }
            let keys = firstSeen(begin)..<queries.upperBound
            return Tile(
                queries: queries, keys: keys,
                first: queries.map { Int32(firstSeen($0) - keys.lowerBound) },
                last: queries.map { Int32($0 + 1 - keys.lowerBound) })
        }
    }
}

/// Where one query head's operands begin in rows of queries, keys and values.
private struct HeadOperands {
    let queries: UnsafeMutablePointer<Float>
    let keys: UnsafeMutablePointer<Float>
    let values: UnsafeMutablePointer<Float>

    init(_ model: DecoderModel, _ projected: UnsafeMutablePointer<Float>, head: Int) {
        let groupSize = model.configuration.headCount / model.configuration.keyValueHeadCount
        queries = projected + head * model.headSize
        keys = projected + model.queryWidth + head / groupSize * model.headSize
        values = keys + model.keyWidth
    }
}

/// Room for the tiles of scores that threads work on.
final class AttentionScratch {
    let longest: Int
    let isForBackward: Bool
    let tiles: [FloatBuffer]
    let gradientTiles: [FloatBuffer]

    /// - Parameter longest: the length of the longest sequence, in tokens.
    init(team: ThreadTeam, longest: Int, forBackward: Bool) {
        self.longest = longest
        isForBackward = forBackward
        tiles = (0..<team.count).map { _ in FloatBuffer(count: Attention.tileRows * longest) }
        gradientTiles = (0..<team.count).map { _ in FloatBuffer(count: forBackward ? Attention.tileRows * longest : 0) }
    }
}
