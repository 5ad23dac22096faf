import SwageFiles
import Swage

/// What the forward pass of one layer leaves for its backward pass.
struct LayerActivations {
    /// The layer's input, `[N, C]`.
    let input: UnsafeMutablePointer<Float>
    /// 1 / rms of the input, `[N]`.
    let inputRstd: UnsafeMutablePointer<Float>
    /// Queries, keys and values, rotated, `[N, (H + 2K) D]`.
    let projected: UnsafeMutablePointer<Float>
    /// Queries and keys before their norm, `[N, (H + K) D]`; empty where there is none.
    let unnormalized: UnsafeMutablePointer<Float>
    /// 1 / rms of each head's query and key, `[N, H + K]`; empty where there is none.
    let headRstd: UnsafeMutablePointer<Float>
    /// The heads' outputs, `[N, H D]`.
    let attended: UnsafeMutablePointer<Float>
    /// The logarithm of each query's sum of exponentials, `[N, H]`.
    let logSumExp: UnsafeMutablePointer<Float>
    /// Attention's output before its norm, `[N, C]`, and 1 / rms of it, `[N]`; empty where there is none.
    let attentionOutput: UnsafeMutablePointer<Float>
    let attentionOutputRstd: UnsafeMutablePointer<Float>
    /// The residual stream between attention and feed-forward, `[N, C]`.
    let middle: UnsafeMutablePointer<Float>
    /// 1 / rms of it, `[N]`.
    let middleRstd: UnsafeMutablePointer<Float>
    /// Gate and up, `[N, 2F]`, or up alone, `[N, F]`.
    let gateUp: UnsafeMutablePointer<Float>
    /// The feed-forward block's output before its norm, `[N, C]`, and 1 / rms of it, `[N]`; empty where there is none.
    let feedForwardOutput: UnsafeMutablePointer<Float>
    let feedForwardOutputRstd: UnsafeMutablePointer<Float>
    /// The router's logits, `[N, experts]`; empty where there are none.
    let routerLogits: UnsafeMutablePointer<Float>

    fileprivate init(_ model: DecoderModel, _ arena: inout Arena) {
        let (configuration, family) = (model.configuration, model.configuration.family)
        let isNormalized = family.has(.queryNorm)
        let heads = family.queryKeyExtent == .head ? configuration.headCount + configuration.keyValueHeadCount : 2
        input = arena.take(model.hidden)
        inputRstd = arena.take(1)
        projected = arena.take(model.projectedWidth)
        unnormalized = arena.take(isNormalized ? model.queryWidth + model.keyWidth : 0)
        headRstd = arena.take(isNormalized ? heads : 0)
        attended = arena.take(model.queryWidth)
        logSumExp = arena.take(configuration.headCount)
        attentionOutput = arena.take(family.has(.postAttentionNorm) ? model.hidden : 0)
        attentionOutputRstd = arena.take(family.has(.postAttentionNorm) ? 1 : 0)
        middle = arena.take(model.hidden)
        middleRstd = arena.take(1)
        gateUp = arena.take(model.gateUpWidth * model.slotsPerToken)
        routerLogits = arena.take(configuration.experts.count)
        feedForwardOutput = arena.take(family.has(.postFeedForwardNorm) ? model.hidden : 0)
        feedForwardOutputRstd = arena.take(family.has(.postFeedForwardNorm) ? 1 : 0)
    }
}

/// The memory in which a pass over the model works.
struct Activations {
    /// Whether each layer has its own, for a backward pass.
    let keepsLayers: Bool
    /// One for each layer; the same one for all where nothing is kept.
    let layers: [LayerActivations]
    /// The last layer's output, `[N, C]`.
    let output: UnsafeMutablePointer<Float>
    /// A norm's output, `[N, C]`.
    let normalized: UnsafeMutablePointer<Float>
    /// The feed-forward product's input, `[N, F]`.
    let activated: UnsafeMutablePointer<Float>
    /// The tokens as experts read them, and what experts make of them, `[N k, C]`; empty where there are none.
    let gathered: UnsafeMutablePointer<Float>
    let expertOutput: UnsafeMutablePointer<Float>

    fileprivate init(_ model: DecoderModel, keepsLayers: Bool, _ arena: inout Arena) {
        self.keepsLayers = keepsLayers
        let count = model.configuration.layerCount
        normalized = arena.take(model.hidden)
        activated = arena.take(model.configuration.feedForwardSize * model.slotsPerToken)
        gathered = arena.take(model.configuration.experts.perToken * model.hidden)
        expertOutput = arena.take(model.configuration.experts.perToken * model.hidden)
        output = arena.take(model.hidden)
        var kept = [LayerActivations(model, &arena)]
        while keepsLayers && kept.count < count { kept.append(LayerActivations(model, &arena)) }
        layers = keepsLayers ? kept : Array(repeating: kept[0], count: count)
    }

    /// Where layer `index` writes its output.
    func outputOfLayer(_ index: Int) -> UnsafeMutablePointer<Float> {
        index + 1 < layers.count ? layers[index + 1].input : output
    }
}

/// The gradients that a backward pass carries from layer to layer.
struct GradientActivations {
    /// Of the residual stream, `[N, C]`.
    let residual: UnsafeMutablePointer<Float>
    /// Of a block's output, `[N, C]`, where that is normalized or scaled before it is added; empty elsewhere.
    let output: UnsafeMutablePointer<Float>
    /// Of a norm's output, `[N, C]`.
    let normalized: UnsafeMutablePointer<Float>
    let attended: UnsafeMutablePointer<Float>
    let projected: UnsafeMutablePointer<Float>
    let activated: UnsafeMutablePointer<Float>
    let gateUp: UnsafeMutablePointer<Float>
    /// The sum of each head's output times its gradient, `[N, H]`.
    let delta: UnsafeMutablePointer<Float>
    /// Of what experts read and make, `[N k, C]`, and of the router's logits, `[N, experts]`; empty where there are none.
    let slots: UnsafeMutablePointer<Float>
    let routerLogits: UnsafeMutablePointer<Float>

    fileprivate init(_ model: DecoderModel, _ arena: inout Arena) {
        let (family, scales) = (model.configuration.family, model.configuration.scales)
        residual = arena.take(model.hidden)
        output = arena.take(family.has(.postAttentionNorm) || family.has(.postFeedForwardNorm) || scales.residual != 1 ? model.hidden : 0)
        normalized = arena.take(model.hidden)
        attended = arena.take(model.queryWidth)
        projected = arena.take(model.projectedWidth)
        activated = arena.take(model.configuration.feedForwardSize * model.slotsPerToken)
        gateUp = arena.take(model.gateUpWidth * model.slotsPerToken)
        delta = arena.take(model.configuration.headCount)
        slots = arena.take(model.configuration.experts.perToken * model.hidden)
        routerLogits = arena.take(model.configuration.experts.count)
    }
}

/// All memory that passes over the model need, planned before a pass and kept from call to call.
final class Workspace {
    let attention = AttentionScratch()
    let head = OutputHeadScratch()
    private let model: DecoderModel
    private let forward = FloatBuffer()
    private let backward = FloatBuffer()

    init(_ model: DecoderModel) { self.model = model }

    /// Room for a forward pass over `tokens`.
    /// - Parameter keepsLayers: whether a backward pass will follow.
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for both passes, before any of it is taken.
    func activations(for tokens: FlatBatch, keepsLayers: Bool) throws -> Activations {
        let plan = { [model] (arena: inout Arena) in Activations(model, keepsLayers: keepsLayers, &arena) }
        let wanted = try Arena.size(rows: tokens.count, plan) - forward.count
        let wantedBackward = keepsLayers ? try Arena.size(rows: tokens.count) { GradientActivations(model, &$0) } - backward.count : 0
        try MemoryBudget.require(
            [max(0, wanted) + max(0, wantedBackward)], of: Float.self, for: "the activations of \(tokens.count) tokens")
        try attention.prepare(tokens.segments, model, forBackward: keepsLayers)
        return try Arena.plan(forward, rows: tokens.count, plan)
    }

    /// Room for the backward pass.
    func gradients(for tokens: FlatBatch) throws -> GradientActivations {
        try Arena.plan(backward, rows: tokens.count) { GradientActivations(model, &$0) }
    }
}

/// Hands out parts of one buffer, each of `rows` rows.
private struct Arena {
    private let rows: Int
    /// Nil where a plan is only measured.
    private let start: UnsafeMutablePointer<Float>?
    /// How many numbers have been handed out; nil for more than can be counted.
    private var used: Int? = 0

    /// Lays a plan out twice: once to see how much it takes, and then in `buffer`, which grows to hold it.
    static func plan<Plan>(_ buffer: FloatBuffer, rows: Int, _ body: (inout Arena) -> Plan) throws -> Plan {
        try buffer.reserve(size(rows: rows, body), for: "the activations of \(rows) tokens")
        var arena = Arena(rows: rows, start: buffer.start)
        return body(&arena)
    }

    /// How many numbers a plan takes.
    static func size<Plan>(rows: Int, _ body: (inout Arena) -> Plan) throws -> Int {
        var trial = Arena(rows: rows, start: nil)
        _ = body(&trial)
        if let size = trial.used { return size }
        try MemoryBudget.require(bytes: nil, for: "the activations of \(rows) tokens")
        return 0
    }

    private init(rows: Int, start: UnsafeMutablePointer<Float>?) {
        self.rows = rows
        self.start = start
    }

    /// Room for `width` numbers a row, beginning at a cache line.
    mutating func take(_ width: Int) -> UnsafeMutablePointer<Float> {
        // What a family does not have takes nothing, not even the time to count it.
        if width == 0 { return UnsafeMutablePointer(bitPattern: 64)! }
        let begin = used
        used = begin.flatMap { begin in
            guard let count = elementCount([rows, width]) else { return nil }
            let (end, overflow) = begin.addingReportingOverflow(count)
            return overflow || end > .max - 15 ? nil : (end + 15) / 16 * 16
        }
        guard let start, let begin else { return UnsafeMutablePointer(bitPattern: 64)! }
        return start + begin
    }
}
