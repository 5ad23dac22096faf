import Swage
import SwageFiles

/// Where each parameter of a decoder lies in one run of memory.
///
/// Weights, gradients and both of the optimizer's moments use the same layout. Projections that read the same input
/// lie side by side, so that one product computes queries, keys and values, and one gate and up.
struct ParameterLayout: Sendable {
    struct Parameter: Sendable, Equatable {
        /// Hugging Face's name.
        let name: String
        /// As Hugging Face stores it.
        let shape: [Int]
        let offset: Int
        /// Norms and biases are exempt from weight decay.
        let decays: Bool
        /// How it is stored, where otherwise than it lies in memory.
        var order = StoredOrder.same

        var count: Int { shape.reduce(1, *) }
        var range: Range<Int> { offset..<offset + count }
    }

    /// A matrix that a product reads, joined ones as one, and its bias.
    struct Projection: Sendable {
        var weight = 0
        var bias: Int?
        var inputs = 0
        var outputs = 0
    }

    /// The weight of a norm over so many channels, and its bias.
    struct Norm: Sendable {
        var weight: Int
        var bias: Int?
        var channels: Int
    }

    /// One layer's parameters. A norm that the family does not have is nil, and changes nothing.
    struct Layer: Sendable {
        var inputNorm: Norm?
        var queryKeyValue = Projection()
        /// Each head's score that stands for no token.
        var sinks: Int?
        var queryNorm: Norm?
        var keyNorm: Norm?
        var attentionOutput = Projection()
        var postAttentionNorm: Norm?
        var feedForwardNorm: Norm?
        /// Gate and up, or up alone.
        var gateUp = Projection()
        var down = Projection()
        var postFeedForwardNorm: Norm?
        /// What says which experts compute a token, and the experts; none where there is one feed-forward block.
        var router = Projection()
        var experts: [Expert] = []
    }

    /// One expert's feed-forward block.
    struct Expert: Sendable {
        var gateUp = Projection()
        var down = Projection()
    }

    private(set) var parameters: [Parameter] = []
    private(set) var layers: [Layer] = []
    private(set) var embedding = 0
    /// The learned positions, where there are any.
    private(set) var positions: Int?
    private(set) var finalNorm = Norm(weight: 0, channels: 0)
    /// The output head; the embedding's offset where the two are tied.
    private(set) var head = 0
    private(set) var count = 0
    private let model: ModelConfiguration
    /// The offsets of parameters beside those of one axis whose gradients are added up piece by piece.
    private var piecewise: Set<Int> = []

    /// - Throws: ``TrainerError`` with code `tooLarge` for more elements than can be counted.
    init(_ model: ModelConfiguration) throws {
        self.model = model
        let (hidden, headSize) = (model.hiddenSize, model.headSize)
        let queryWidth = model.headCount * headSize
        let keyWidth = model.keyValueHeadCount * headSize
        let isWhole = model.family.queryKeyExtent == .wholeWidth
        embedding = try append(.embedding, "weight", 0, [model.vocabularySize, hidden])
        if model.family.has(.positions) { positions = try append(.positions, "weight", 0, [model.contextLength, hidden]) }
        for index in 0..<model.layerCount {
            var layer = Layer()
            layer.inputNorm = try norm(.inputNorm, index, hidden)
            layer.queryKeyValue = try projection(
                .queryKeyValue, [(.query, queryWidth), (.key, keyWidth), (.value, keyWidth)], index, inputs: hidden)
            layer.queryNorm = try norm(.queryNorm, index, isWhole ? queryWidth : headSize)
            layer.keyNorm = try norm(.keyNorm, index, isWhole ? keyWidth : headSize)
            if model.family.has(.sinks) { layer.sinks = try append(.sinks, "weight", index, [model.headCount]) }
            layer.attentionOutput = try projection(.attentionOutput, [], index, inputs: queryWidth, outputs: hidden)
            layer.postAttentionNorm = try norm(.postAttentionNorm, index, hidden)
            layer.feedForwardNorm = try norm(.feedForwardNorm, index, hidden)
            try appendFeedForward(to: &layer, index)
            layer.postFeedForwardNorm = try norm(.postFeedForwardNorm, index, hidden)
            layers.append(layer)
        }
        if let norm = try norm(.finalNorm, 0, hidden) { finalNorm = norm }
        head = try model.tiesEmbeddings ? embedding : append(.head, "weight", 0, [model.vocabularySize, hidden])
    }

    private mutating func appendFeedForward(to layer: inout Layer, _ index: Int) throws {
        let (hidden, width) = (model.hiddenSize, model.feedForwardSize)
        guard model.experts.count > 0 else {
            layer.gateUp = try projection(.gateUp, [(.gate, width), (.up, width)], index, inputs: hidden)
            layer.down = try projection(.down, [], index, inputs: width, outputs: hidden)
            return
        }
        layer.router = try projection(.router, [], index, inputs: hidden, outputs: model.experts.count)
        if model.family.has(.expertsGateUp) { return try appendJoinedExperts(to: &layer, index) }
        for expert in 0..<model.experts.count {
            let gateUp = try projection(
                .expertGate, [(.expertGate, width), (.expertUp, width)], index, inputs: hidden, expert: expert)
            let down = try projection(.expertDown, [], index, inputs: width, outputs: hidden, expert: expert)
            layer.experts.append(Expert(gateUp: gateUp, down: down))
        }
    }

    /// The experts of a family that stores those of a layer in one tensor.
    private mutating func appendJoinedExperts(to layer: inout Layer, _ index: Int) throws {
        let (hidden, width, count) = (model.hiddenSize, model.feedForwardSize, model.experts.count)
        let gateUp = try append(.expertsGateUp, "weight", index, [count, hidden, 2 * width], order: .experts(interleaved: true))
        let gateUpBias = try append(.expertsGateUp, "bias", index, [count, 2 * width], order: .interleavedRows)
        let down = try append(.expertsDown, "weight", index, [count, width, hidden], order: .experts(interleaved: false))
        let downBias = try append(.expertsDown, "bias", index, [count, hidden])
        piecewise.formUnion([gateUpBias, downBias])
        layer.experts = (0..<count).map { expert in
            Expert(
                gateUp: Projection(
                    weight: gateUp + expert * 2 * width * hidden, bias: gateUpBias + expert * 2 * width, inputs: hidden, outputs: 2 * width),
                down: Projection(weight: down + expert * width * hidden, bias: downBias + expert * hidden, inputs: width, outputs: hidden))
        }
    }

    private mutating func norm(_ role: TensorRole, _ layer: Int, _ channels: Int) throws -> Norm? {
        guard model.family.has(role) else { return nil }
        let weight = try append(role, "weight", layer, [channels])
        return Norm(weight: weight, bias: model.hasBias(role) ? try append(role, "bias", layer, [channels]) : nil, channels: channels)
    }

    /// A projection that is stored whole, or in parts: row below row in either case.
    private mutating func projection(
        _ whole: TensorRole, _ parts: [(role: TensorRole, outputs: Int)], _ layer: Int, inputs: Int, outputs: Int? = nil,
        expert: Int = 0
    ) throws -> Projection {
        let stored = parts.filter { model.family.has($0.role) }
        let all = outputs ?? parts.filter { model.family.has(whole) || model.family.has($0.role) }.reduce(0) { $0 + $1.outputs }
        let tensors = stored.isEmpty ? [(role: whole, outputs: all)] : stored
        let weights = try tensors.map { try append($0.role, "weight", layer, [$0.outputs, inputs], expert: expert) }
        let biases = try tensors.filter { model.hasBias($0.role) }.map { try append($0.role, "bias", layer, [$0.outputs], expert: expert) }
        return Projection(weight: weights[0], bias: biases.first, inputs: inputs, outputs: all)
    }

    private mutating func append(
        _ role: TensorRole, _ kind: String, _ layer: Int, _ shape: [Int], expert: Int = 0,
        order: StoredOrder? = nil
    ) throws -> Int {
        guard let name = model.family.tensorName(role, kind, layer: layer, expert: expert) else { return count }
        let isTransposed = model.family.storesTransposed && role.isLayerMatrix && shape.count == 2
        let parameter = Parameter(
            name: name, shape: isTransposed ? shape.reversed() : shape, offset: count, decays: shape.count > 1,
            order: order ?? (isTransposed ? .transposed : .same))
        let sum = elementCount(shape).map(count.addingReportingOverflow)
        guard let sum, !sum.overflow else {
            throw TrainerError(
                .tooLarge, "the configuration asks for more weights than can be counted, up to \(name) of shape \(shape)", expected: "the sizes of a model")
        }
        parameters.append(parameter)
        count = sum.partialValue
        return parameter.offset
    }

    /// The matrices that products read, by offset: joined ones as one, and the output head.
    var matrices: [Int: (outputs: Int, inputs: Int)] {
        var matrices = [head: (model.vocabularySize, model.hiddenSize)]
        let projections = layers.flatMap { layer in
            let dense = layer.experts.isEmpty ? [layer.gateUp, layer.down] : [layer.router]
            return [layer.queryKeyValue, layer.attentionOutput] + dense + layer.experts.flatMap { [$0.gateUp, $0.down] }
        }
        for projection in projections {
            matrices[projection.weight] = (projection.outputs, projection.inputs)
        }
        return matrices
    }

    /// What a loss pass adds to before the last layer's backward pass begins.
    var outputRanges: [Range<Int>] {
        let offsets = [head, finalNorm.weight, finalNorm.bias]
        return parameters.filter { offsets.contains($0.offset) }.map(\.range)
    }

    /// Whether a parameter's gradient is added up piece by piece, and not by one product.
    func isSummedPiecewise(_ parameter: Parameter) -> Bool {
        parameter.shape.count == 1 || [embedding, head, positions].contains(parameter.offset) || piecewise.contains(parameter.offset)
    }

    /// Equal for models whose parameters have the same names and shapes.
    var signature: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for parameter in parameters.sorted(by: { $0.name < $1.name }) {
            for byte in "\(parameter.name)\(parameter.shape);".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        return "\(parameters.count) tensors, \(count) elements, \(String(hash, radix: 16))"
    }
}
