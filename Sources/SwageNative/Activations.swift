/// What the forward pass of one layer leaves for its backward pass.
struct LayerActivations {
    /// The layer's input, `[N, C]`.
    let input: FloatBuffer
    /// 1 / rms of the input, `[N]`.
    let inputRstd: FloatBuffer
    /// Queries, keys and values, rotated, `[N, (H + 2K) D]`.
    let projected: FloatBuffer
    /// Queries and keys before their norm, `[N, (H + K) D]`; empty where there is none.
    let unnormalized: FloatBuffer
    /// 1 / rms of each head's query and key, `[N, H + K]`; empty where there is none.
    let headRstd: FloatBuffer
    /// The heads' outputs, `[N, H D]`.
    let attended: FloatBuffer
    /// The logarithm of each query's sum of exponentials, `[N, H]`.
    let logSumExp: FloatBuffer
    /// The residual stream between attention and feed-forward, `[N, C]`.
    let middle: FloatBuffer
    /// 1 / rms of it, `[N]`.
    let middleRstd: FloatBuffer
    /// Gate and up, `[N, 2F]`.
    let gateUp: FloatBuffer

    init(_ model: DecoderModel, tokens: Int) {
        let configuration = model.configuration
        let normalizedHeads =
            configuration.normalizesQueriesAndKeys ? configuration.headCount + configuration.keyValueHeadCount : 0
        input = FloatBuffer(count: tokens * model.hidden)
        inputRstd = FloatBuffer(count: tokens)
        projected = FloatBuffer(count: tokens * model.projectedWidth)
        unnormalized = FloatBuffer(count: tokens * normalizedHeads * model.headSize)
        headRstd = FloatBuffer(count: tokens * normalizedHeads)
        attended = FloatBuffer(count: tokens * model.queryWidth)
        logSumExp = FloatBuffer(count: tokens * configuration.headCount)
        middle = FloatBuffer(count: tokens * model.hidden)
        middleRstd = FloatBuffer(count: tokens)
        gateUp = FloatBuffer(count: tokens * 2 * configuration.feedForwardSize)
    }
}

/// The memory in which passes over the model work, kept from call to call.
final class Activations {
    let capacity: Int
    let keepsLayers: Bool
    /// One for each layer; the same one for all where nothing is kept for a backward pass.
    let layers: [LayerActivations]
    /// The last layer's output, `[N, C]`.
    let output: FloatBuffer
    /// A norm's output, `[N, C]`.
    let normalized: FloatBuffer
    /// The feed-forward product's input, `[N, F]`.
    let activated: FloatBuffer

    /// - Parameter keepsLayers: whether a backward pass will follow.
    init(_ model: DecoderModel, tokens: Int, keepsLayers: Bool) {
        capacity = tokens
        self.keepsLayers = keepsLayers
        let count = model.configuration.layerCount
        layers =
            keepsLayers
            ? (0..<count).map { _ in LayerActivations(model, tokens: tokens) }
            : Array(repeating: LayerActivations(model, tokens: tokens), count: count)
        output = keepsLayers ? FloatBuffer(count: tokens * model.hidden) : layers[0].input
        normalized = FloatBuffer(count: tokens * model.hidden)
        activated = FloatBuffer(count: tokens * model.configuration.feedForwardSize)
    }

    /// Where layer `index` writes its output.
    func outputOfLayer(_ index: Int) -> FloatBuffer {
        index + 1 < layers.count ? layers[index + 1].input : output
    }
}

/// The gradients that a backward pass carries from layer to layer.
final class GradientActivations {
    let capacity: Int
    /// Of the residual stream, `[N, C]`.
    let residual: FloatBuffer
    /// Of a norm's output, `[N, C]`.
    let normalized: FloatBuffer
    let attended: FloatBuffer
    let projected: FloatBuffer
    let activated: FloatBuffer
    let gateUp: FloatBuffer
    /// The sum of each head's output times its gradient, `[N, H]`.
    let delta: FloatBuffer

    init(_ model: DecoderModel, tokens: Int) {
        capacity = tokens
        residual = FloatBuffer(count: tokens * model.hidden)
        normalized = FloatBuffer(count: tokens * model.hidden)
        attended = FloatBuffer(count: tokens * model.queryWidth)
        projected = FloatBuffer(count: tokens * model.projectedWidth)
        activated = FloatBuffer(count: tokens * model.configuration.feedForwardSize)
        gateUp = FloatBuffer(count: tokens * 2 * model.configuration.feedForwardSize)
        delta = FloatBuffer(count: tokens * model.configuration.headCount)
    }
}
