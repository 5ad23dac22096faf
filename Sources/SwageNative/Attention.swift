import CSwageKernels
import SwageFiles

/// Causal attention with grouped queries (Ainslie et al., 2023) over packed sequences, in tiles of queries.
///
/// A tile's scores against the keys it can see are all that is ever held: `[48, T]` a thread for a sequence of T
/// tokens. The backward pass computes them again, a block of keys at a time, from the kept sums of exponentials (Dao et
/// al., 2022). Keys and, for the backward pass, values are laid out anew for the products, once for all tiles and all
/// query heads that share them.
struct Attention {
    /// A multiple of the rows that a product holds in registers.
    static let tileRows = 48
    /// The keys of a block in the backward pass: its scores and their gradients stay in a core's cache.
    static let blockKeys = 512

    let model: DecoderModel
    let scratch: AttentionScratch
    private let window: Int?

    init(_ model: DecoderModel, layer: Int, scratch: AttentionScratch) {
        self.model = model
        self.scratch = scratch
        window = model.configuration.slidingWindows[layer]
    }

    private var heads: Int { model.configuration.headCount }
    private var keyHeads: Int { model.configuration.keyValueHeadCount }
    private var groupSize: Int { heads / keyHeads }
    private var headSize: Int { model.headSize }
    private var stride: Int { model.projectedWidth }
    private var width: Int { model.queryWidth }
    private var scale: Float { 1 / Float(headSize).squareRoot() }

    /// Fills `attended` and `logSumExp` of `layer` from its `projected`.
    func forward(_ layer: LayerActivations) {
        model.profiler.measure(.attention) { attend(layer) }
    }

    /// Fills the gradient of `projected` from that of `attended`.
    func backward(_ layer: LayerActivations, _ gradients: GradientActivations) {
        model.profiler.measure(.attention) { propagate(layer, gradients) }
    }

    private func attend(_ layer: LayerActivations) {
        pack(layer, model.queryWidth, into: scratch.keys)
        let allTiles = scratch.segments.indices.flatMap { tiles(of: $0) }
        model.team.run(jobs: allTiles.count * heads) { thread, job in
            let (tile, head) = (allTiles[job / heads], job % heads)
            let operands = HeadOperands(model, layer.projected, head: head)
            let scores = scratch.scores[thread].start
            let keys = tile.keys(upTo: tile.keys.count)
            multiply(tile, keys, operands.queries, stride, scratch.keys, head: head, into: scores)
            swage_softmax_forward(
                scores, tile.queries.count, keys.paddedCount, keys.first, keys.last, scale,
                layer.logSumExp + tile.queries.lowerBound * heads + head, heads)
            swage_block_product(
                tile.queries.count, headSize, keys.range.count, scores, keys.paddedCount, 1,
                operands.values + keys.range.lowerBound * stride, stride,
                layer.attended + tile.queries.lowerBound * width + head * headSize, width, false)
        }
    }

    private func propagate(_ layer: LayerActivations, _ gradients: GradientActivations) {
        pack(layer, model.queryWidth, into: scratch.keys)
        pack(layer, model.queryWidth + model.keyWidth, into: scratch.values)
        let segments = scratch.segments
        let longestFirst = segments.indices.sorted { (segments[$0].count, $1) > (segments[$1].count, $0) }
        model.team.run(jobs: segments.count * heads) { thread, job in
            let (segment, head) = (longestFirst[job / heads], job % heads)
            let rows = segments[segment]
            for row in rows {
                (scratch.keyGradients.start + row * width + head * headSize).update(repeating: 0, count: headSize)
                (scratch.valueGradients.start + row * width + head * headSize).update(repeating: 0, count: headSize)
            }
            for tile in tiles(of: segment) { backward(tile, head: head, thread: thread, layer, gradients) }
        }
        sumOverGroups(scratch.keyGradients, into: gradients.projected + width)
        sumOverGroups(scratch.valueGradients, into: gradients.projected + width + model.keyWidth)
    }

    private func backward(
        _ tile: Tile, head: Int, thread: Int, _ layer: LayerActivations, _ gradients: GradientActivations
    ) {
        let source = HeadOperands(model, layer.projected, head: head)
        let (scores, dscores) = (scratch.scores[thread].start, scratch.scoreGradients[thread].start)
        let (row, count) = (tile.queries.lowerBound, tile.queries.count)
        let dattended = gradients.attended + row * width + head * headSize
        let delta = gradients.delta + row * heads + head
        swage_row_dots(
            layer.attended + row * width + head * headSize, dattended, delta, count, headSize, width, heads)
        let queries = source.queries + row * stride
        let dqueries = gradients.projected + row * stride + head * headSize
        for begin in Swift.stride(from: 0, to: tile.keys.count, by: Self.blockKeys) {
            let keys = tile.keys(from: begin, upTo: begin + Self.blockKeys)
            let columns = keys.paddedCount
            let offset = keys.range.lowerBound * width + head * headSize
            multiply(tile, keys, source.queries, stride, scratch.keys, head: head, into: scores)
            multiply(
                tile, keys, gradients.attended + head * headSize, width, scratch.values, head: head, into: dscores)
            swage_softmax_backward(
                scores, dscores, count, columns, keys.first, keys.last, scale,
                layer.logSumExp + row * heads + head, delta, heads)
            swage_block_product(
                keys.range.count, headSize, count, scores, 1, columns, dattended, width,
                scratch.valueGradients.start + offset, width, true)
            swage_block_product(
                keys.range.count, headSize, count, dscores, 1, columns, queries, stride,
                scratch.keyGradients.start + offset, width, true)
            swage_block_product(
                count, headSize, keys.range.count, dscores, columns, 1, source.keys + keys.range.lowerBound * stride,
                stride, dqueries, stride, begin > 0)
        }
    }

    /// `scores[queries, keys] = x · keysᵀ`, with the keys or values of `packed`.
    private func multiply(
        _ tile: Tile, _ keys: KeyBlock, _ x: UnsafePointer<Float>, _ stride: Int, _ packed: FloatBuffer, head: Int,
        into scores: UnsafeMutablePointer<Float>
    ) {
        let firstKey = scratch.segments[tile.segment].lowerBound
        let firstPanel = scratch.firstPanel(tile.segment, head / groupSize, keyHeads)
        let panel = firstPanel + (keys.range.lowerBound - firstKey) / Panel.columns
        swage_panel_product(
            tile.queries.count, keys.paddedCount / Panel.columns, headSize, x + tile.queries.lowerBound * stride, stride,
            packed.start + panel * Panel.columns * headSize, scores, keys.paddedCount)
    }

    /// Lays out the keys or values that stand at `column` of each row of `projected`.
    private func pack(_ layer: LayerActivations, _ column: Int, into packed: FloatBuffer) {
        model.team.run(jobs: scratch.segments.count * keyHeads) { _, job in
            let (segment, head) = (job / keyHeads, job % keyHeads)
            let rows = scratch.segments[segment]
            swage_pack_panels(
                layer.projected + rows.lowerBound * stride + column + head * headSize, stride, rows.count,
                headSize, Panel.columns, packed.start + scratch.firstPanel(segment, head, keyHeads) * Panel.columns * headSize)
        }
    }

    /// Adds up what the query heads of a group give to the key or value head that they share.
    private func sumOverGroups(_ perHead: FloatBuffer, into target: UnsafeMutablePointer<Float>) {
        model.team.split(scratch.tokenCount) { _, rows in
            swage_sum_groups(
                perHead.start + rows.lowerBound * width, width, target + rows.lowerBound * stride, stride, rows.count,
                keyHeads, groupSize, headSize)
        }
    }

    /// Some queries of a sequence, with the keys that any of them sees: from a panel's first on.
    private struct Tile {
        let segment: Int
        let queries: Range<Int>
        let keys: Range<Int>
        let firstSeen: (Int) -> Int

        func keys(from begin: Int = 0, upTo end: Int) -> KeyBlock {
            let range = keys.lowerBound + begin..<min(keys.lowerBound + end, keys.upperBound)
            func column(_ key: Int) -> Int32 { Int32(min(max(key - range.lowerBound, 0), range.count)) }
            return KeyBlock(
                range: range, first: queries.map { column(firstSeen($0)) }, last: queries.map { column($0 + 1) })
        }
    }

    private struct KeyBlock {
        let range: Range<Int>
        /// For each query, the columns of the block that it sees.
        let first: [Int32]
        let last: [Int32]

        var paddedCount: Int { Panel.count(range.count) * Panel.columns }
    }

    private func tiles(of index: Int) -> [Tile] {
        let segment = scratch.segments[index]
        let firstSeen = { (query: Int) in
            window.map { max(segment.lowerBound, query - $0 + 1) } ?? segment.lowerBound
        }
        return Swift.stride(from: segment.lowerBound, to: segment.upperBound, by: Self.tileRows).map { begin in
            let queries = begin..<min(begin + Self.tileRows, segment.upperBound)
            let skipped = (firstSeen(begin) - segment.lowerBound) / Panel.columns * Panel.columns
            return Tile(
                segment: index, queries: queries, keys: segment.lowerBound + skipped..<queries.upperBound,
                firstSeen: firstSeen)
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
