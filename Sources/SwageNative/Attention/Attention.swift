import CSwageKernels
import Foundation
import SwageFiles

/// Causal attention with grouped queries (Ainslie et al., 2023) over packed sequences, in tiles of queries. Sequences may
/// share their beginnings.
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
    /// What scores are multiplied by, and by what they are bounded then; 0 for no bound.
    private let scale: Float
    private let cap: Float
    /// Where each head's score that stands for no token is, of the layer's parameters.
    private let sinks: Int?

    init(_ model: DecoderModel, layer: Int, scratch: AttentionScratch) {
        self.model = model
        self.scratch = scratch
        window = model.configuration.layers[layer].window
        scale = model.configuration.attentionScale
        cap = Float(model.configuration.scales.attentionCap)
        sinks = model.layout.layers[layer].sinks
    }

    private var heads: Int { model.configuration.headCount }
    private var keyHeads: Int { model.configuration.keyValueHeadCount }
    private var groupSize: Int { heads / keyHeads }
    private var headSize: Int { model.headSize }
    private var stride: Int { model.projectedWidth }
    private var width: Int { model.queryWidth }

    /// Fills `attended` and `logSumExp` of `layer` from its `projected`.
    /// - Parameter checkpoint: called about once a second of a long sequence; what it throws ends the pass.
    func forward(_ layer: LayerActivations, checkpoint: () throws -> Void) throws {
        try model.profiler.measure(.attention) { try attend(layer, checkpoint) }
    }

    /// Fills the gradient of `projected` from that of `attended`.
    /// - Parameter checkpoint: as in the forward pass.
    func backward(_ layer: LayerActivations, _ gradients: GradientActivations, checkpoint: () throws -> Void) throws {
        try model.profiler.measure(.attention) { try propagate(layer, gradients, checkpoint) }
    }

    private func attend(_ layer: LayerActivations, _ checkpoint: () throws -> Void) throws {
        pack(layer, model.queryWidth, into: scratch.keys)
        let allTiles = scratch.segments.indices.flatMap { tiles(of: $0) }
        let rounds = self.rounds(of: allTiles, products: 2)
        for round in 0..<rounds {
            if round > 0 { try checkpoint() }
            let part = Self.part(round, of: rounds, allTiles)
            model.team.run(jobs: part.count * heads) { thread, job in
                attend(part[part.startIndex + job / heads], head: job % heads, layer, scores: scratch.scores[thread].start)
            }
        }
    }

    /// How many multiplications and additions are about a second of work.
    private static let secondOfWork = 3e10

    /// In how many parts the tiles of a layer are gone through, so that a call can end between them.
    /// - Parameter products: how many matrix products a tile takes.
    private func rounds(of tiles: [Tile], products: Int) -> Int {
        let cost = tiles.reduce(0.0) { $0 + Double($1.queries.count) * Double($1.columns) } * Double(products * headSize * heads)
        return max(1, Int((cost / Self.secondOfWork).rounded(.up)))
    }

    private static func part(_ round: Int, of rounds: Int, _ tiles: [Tile]) -> ArraySlice<Tile> {
        tiles[tiles.count * round / rounds..<tiles.count * (round + 1) / rounds]
    }

    private func attend(_ tile: Tile, head: Int, _ layer: LayerActivations, scores: UnsafeMutablePointer<Float>) {
        let operands = HeadOperands(model, layer.projected, head: head)
        let (row, count, columns) = (tile.queries.lowerBound, tile.queries.count, tile.columns)
        var column = 0
        for keys in tile.runs {
            multiply(tile, keys, operands.queries, stride, scratch.keys, head: head, into: scores + column, columns)
            column += keys.paddedCount
        }
        if cap != 0 { swage_soft_cap(scores, count * columns, scale, cap) }
        tile.hideGap(in: scores)
        let logSumExp = layer.logSumExp + row * heads + head
        if let sinks {
            swage_softmax_forward_sink(
                scores, count, columns, tile.firstColumns, tile.lastColumns, scale, model.parameters.start[sinks + head], logSumExp, heads)
        } else {
            swage_softmax_forward(
                scores, count, columns, tile.firstColumns, tile.lastColumns, cap == 0 ? scale : 1, logSumExp, heads)
        }
        column = 0
        for keys in tile.runs {
            swage_block_product(
                count, headSize, keys.range.count, scores + column, columns, 1,
                operands.values + keys.range.lowerBound * stride, stride,
                layer.attended + row * width + head * headSize, width, column > 0)
            column += keys.paddedCount
        }
    }

    private func propagate(_ layer: LayerActivations, _ gradients: GradientActivations, _ checkpoint: () throws -> Void) throws {
        pack(layer, model.queryWidth, into: scratch.keys)
        pack(layer, model.queryWidth + model.keyWidth, into: scratch.values)
        let families = scratch.families
        let longestFirst = families.indices.sorted { (families[$0].count, $1) > (families[$1].count, $0) }
        let tiles = families.map { $0.segments.flatMap { self.tiles(of: $0) } }
        let rounds = self.rounds(of: tiles.flatMap { $0 }, products: 5)
        for round in 0..<rounds {
            if round > 0 { try checkpoint() }
            model.team.run(jobs: families.count * heads) { thread, job in
                let (index, head) = (longestFirst[job / heads], job % heads)
                if round == 0 {
                    for row in families[index].tokens {
                        (scratch.keyGradients.start + row * width + head * headSize).update(repeating: 0, count: headSize)
                        (scratch.valueGradients.start + row * width + head * headSize).update(repeating: 0, count: headSize)
                    }
                }
                for tile in Self.part(round, of: rounds, tiles[index]) {
                    backward(tile, head: head, thread: thread, layer, gradients)
                }
            }
        }
        sumOverGroups(scratch.keyGradients, into: gradients.projected + width)
        sumOverGroups(scratch.valueGradients, into: gradients.projected + width + model.keyWidth)
    }

    /// Adds to the gradients of the scores that stand for no token: what they took is what the others did not have.
    func backwardSinks(_ layer: LayerActivations, _ gradients: GradientActivations, into sums: GradientSum) {
        guard let sinks else { return }
        for head in 0..<heads {
            let score = model.parameters.start[sinks + head]
            var sum = 0.0
            for row in 0..<scratch.tokenCount {
                let place = row * heads + head
                sum -= exp(Double(score - layer.logSumExp[place])) * Double(gradients.delta[place])
            }
            sums.start[sinks + head] += Float(sum)
        }
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
        for (index, keys) in tile.runs.flatMap({ $0.blocks(of: Self.blockKeys) }).enumerated() {
            let columns = keys.paddedCount
            let offset = keys.range.lowerBound * width + head * headSize
            multiply(tile, keys, source.queries, stride, scratch.keys, head: head, into: scores, columns)
            multiply(
                tile, keys, gradients.attended + head * headSize, width, scratch.values, head: head, into: dscores, columns)
            let logSumExp = layer.logSumExp + row * heads + head
            if cap == 0 {
                swage_softmax_backward(scores, dscores, count, columns, keys.first, keys.last, scale, logSumExp, delta, heads)
            } else {
                swage_softmax_backward_capped(scores, dscores, count, columns, keys.first, keys.last, scale, cap, logSumExp, delta, heads)
            }
            swage_block_product(
                keys.range.count, headSize, count, scores, 1, columns, dattended, width,
                scratch.valueGradients.start + offset, width, true)
            swage_block_product(
                keys.range.count, headSize, count, dscores, 1, columns, queries, stride,
                scratch.keyGradients.start + offset, width, true)
            swage_block_product(
                count, headSize, keys.range.count, dscores, columns, 1, source.keys + keys.range.lowerBound * stride,
                stride, dqueries, stride, index > 0)
        }
    }

    /// `scores[queries, keys] = x · keysᵀ`, with the keys or values of `packed`. Rows of scores are `columns` apart.
    private func multiply(
        _ tile: Tile, _ keys: KeyRun, _ x: UnsafePointer<Float>, _ stride: Int, _ packed: FloatBuffer, head: Int,
        into scores: UnsafeMutablePointer<Float>, _ columns: Int
    ) {
        let firstKey = scratch.segments[keys.segment].tokens.lowerBound
        let firstPanel = scratch.firstPanel(keys.segment, head / groupSize, keyHeads)
        let panel = firstPanel + (keys.range.lowerBound - firstKey) / Panel.columns
        swage_panel_product(
            tile.queries.count, keys.paddedCount / Panel.columns, headSize, x + tile.queries.lowerBound * stride, stride,
            packed.start + panel * Panel.columns * headSize, scores, columns)
    }

    /// Lays out the keys or values that stand at `column` of each row of `projected`.
    private func pack(_ layer: LayerActivations, _ column: Int, into packed: FloatBuffer) {
        model.team.run(jobs: scratch.segments.count * keyHeads) { _, job in
            let (segment, head) = (job / keyHeads, job % keyHeads)
            let rows = scratch.segments[segment].tokens
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

    /// The queries of a segment in tiles, each with the keys that any of its queries sees.
    private func tiles(of index: Int) -> [Tile] {
        let segment = scratch.segments[index]
        return Swift.stride(from: segment.tokens.lowerBound, to: segment.tokens.upperBound, by: Self.tileRows).map { begin in
            let queries = begin..<min(begin + Self.tileRows, segment.tokens.upperBound)
            let own = KeyRun(
                segment: index, tokens: segment.tokens.lowerBound..<queries.upperBound, queries: queries, window: window)
            guard let before = segment.continues else { return Tile(queries: queries, runs: [own]) }
            // As if the beginning stood directly before the segment.
            let shared = scratch.segments[before].tokens
            let moved = segment.tokens.lowerBound - shared.upperBound
            let seen = KeyRun(
                segment: before, tokens: shared, queries: queries.lowerBound - moved..<queries.upperBound - moved,
                window: window)
            return Tile(queries: queries, runs: seen.range.isEmpty ? [own] : [seen, own])
        }
    }
}

/// Some queries of a segment, and the keys that any of them sees: of the segment itself and, before those, of the one
/// that it goes on from.
private struct Tile {
    let queries: Range<Int>
    let runs: [KeyRun]

    /// The width of a row of scores, in which the runs stand side by side.
    var columns: Int { runs.reduce(0) { $0 + $1.paddedCount } }

    var firstColumns: [Int32] {
        guard runs.count > 1 else { return runs[0].first }
        return zip(runs[0].first, runs[1].first).map { seen, own in
            Int(seen) < runs[0].range.count ? seen : Int32(runs[0].paddedCount) + own
        }
    }

    var lastColumns: [Int32] { runs.last!.last.map { Int32(columns - runs.last!.paddedCount) + $0 } }

    /// Keeps what pads the first run out of the sum over both.
    func hideGap(in scores: UnsafeMutablePointer<Float>) {
        guard runs.count > 1 else { return }
        let gap = runs[0].paddedCount - runs[0].range.count
        for row in queries.indices.map({ $0 - queries.lowerBound }) {
            (scores + row * columns + runs[0].range.count).update(repeating: -.infinity, count: gap)
        }
    }
}

/// A run of keys of one segment that begins where a panel does, and what each query of a tile sees of it.
private struct KeyRun {
    let segment: Int
    let range: Range<Int>
    /// For each query, the columns of the run that it sees.
    let first: [Int32]
    let last: [Int32]

    var paddedCount: Int { Panel.count(range.count) * Panel.columns }

    /// - Parameters:
    ///   - tokens: the segment's, up to the last that a query sees.
    ///   - queries: where they stand, in the same count as `tokens`.
    init(segment: Int, tokens: Range<Int>, queries: Range<Int>, window: Int?) {
        func firstSeen(_ query: Int) -> Int { window.map { max(tokens.lowerBound, query - $0 + 1) } ?? tokens.lowerBound }
        let skipped = (firstSeen(queries.lowerBound) - tokens.lowerBound) / Panel.columns * Panel.columns
        let range = min(tokens.lowerBound + skipped, tokens.upperBound)..<tokens.upperBound
        self.init(segment: segment, range: range, first: queries.map(firstSeen), last: queries.map { $0 + 1 })
    }

    /// - Parameters:
    ///   - first: the first key that each query sees.
    ///   - last: the key after the last.
    private init(segment: Int, range: Range<Int>, first: [Int], last: [Int]) {
        func column(_ key: Int) -> Int32 { Int32(min(max(key - range.lowerBound, 0), range.count)) }
        self.segment = segment
        self.range = range
        self.first = first.map(column)
        self.last = last.map(column)
    }

    /// The run in blocks of at most `count` keys.
    func blocks(of count: Int) -> [KeyRun] {
        guard range.count > count else { return [self] }
        return stride(from: range.lowerBound, to: range.upperBound, by: count).map { begin in
            KeyRun(
                segment: segment, range: begin..<min(begin + count, range.upperBound),
                first: first.map { range.lowerBound + Int($0) }, last: last.map { range.lowerBound + Int($0) })
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
