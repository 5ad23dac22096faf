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
        let shape: [Int]
        let offset: Int
        /// Norms and biases are exempt from weight decay.
        let decays: Bool

        var count: Int { shape.reduce(1, *) }
        var range: Range<Int> { offset..<offset + count }
    }

    /// Offsets of one layer's parameters.
    struct Layer: Sendable {
        var inputNorm = 0
        var queryKeyValue = 0
        var queryKeyValueBias: Int?
        var queryNorm: Int?
        var keyNorm: Int?
        var attentionOutput = 0
        var attentionOutputBias: Int?
        var feedForwardNorm = 0
        var gateUp = 0
        var down = 0
    }

    private(set) var parameters: [Parameter] = []
    private(set) var layers: [Layer] = []
    private(set) var embedding = 0
    private(set) var finalNorm = 0
    /// The output head; the embedding's offset where the two are tied.
    private(set) var head = 0
    private(set) var count = 0

    /// - Throws: ``TrainerError`` with code `tooLarge` for more elements than can be counted.
    init(_ model: ModelConfiguration) throws {
        let (hidden, headSize) = (model.hiddenSize, model.headSize)
        let queryWidth = model.headCount * headSize
        let keyWidth = model.keyValueHeadCount * headSize
        embedding = try append("model.embed_tokens.weight", [model.vocabularySize, hidden])
        for index in 0..<model.layerCount {
            let prefix = "model.layers.\(index)."
            var layer = Layer()
            layer.inputNorm = try append(prefix + "input_layernorm.weight", [hidden])
            layer.queryKeyValue = try append(prefix + "self_attn.q_proj.weight", [queryWidth, hidden])
            _ = try append(prefix + "self_attn.k_proj.weight", [keyWidth, hidden])
            _ = try append(prefix + "self_attn.v_proj.weight", [keyWidth, hidden])
            if model.hasQueryKeyValueBias {
                layer.queryKeyValueBias = try append(prefix + "self_attn.q_proj.bias", [queryWidth])
                _ = try append(prefix + "self_attn.k_proj.bias", [keyWidth])
                _ = try append(prefix + "self_attn.v_proj.bias", [keyWidth])
            }
            if model.normalizesQueriesAndKeys {
                layer.queryNorm = try append(prefix + "self_attn.q_norm.weight", [headSize])
                layer.keyNorm = try append(prefix + "self_attn.k_norm.weight", [headSize])
            }
            layer.attentionOutput = try append(prefix + "self_attn.o_proj.weight", [hidden, queryWidth])
            if model.hasAttentionOutputBias {
                layer.attentionOutputBias = try append(prefix + "self_attn.o_proj.bias", [hidden])
            }
            layer.feedForwardNorm = try append(prefix + "post_attention_layernorm.weight", [hidden])
            layer.gateUp = try append(prefix + "mlp.gate_proj.weight", [model.feedForwardSize, hidden])
            _ = try append(prefix + "mlp.up_proj.weight", [model.feedForwardSize, hidden])
            layer.down = try append(prefix + "mlp.down_proj.weight", [hidden, model.feedForwardSize])
            layers.append(layer)
        }
        finalNorm = try append("model.norm.weight", [hidden])
        head = try model.tiesEmbeddings ? embedding : append("lm_head.weight", [model.vocabularySize, hidden])
    }

    private mutating func append(_ name: String, _ shape: [Int]) throws -> Int {
        let parameter = Parameter(name: name, shape: shape, offset: count, decays: shape.count > 1)
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
    func matrices(_ model: ModelConfiguration) -> [Int: (outputs: Int, inputs: Int)] {
        let queryWidth = model.headCount * model.headSize
        var matrices = [head: (model.vocabularySize, model.hiddenSize)]
        for layer in layers {
            matrices[layer.queryKeyValue] = (
                queryWidth + 2 * model.keyValueHeadCount * model.headSize, model.hiddenSize
            )
            matrices[layer.attentionOutput] = (model.hiddenSize, queryWidth)
            matrices[layer.gateUp] = (2 * model.feedForwardSize, model.hiddenSize)
            matrices[layer.down] = (model.hiddenSize, model.feedForwardSize)
        }
        return matrices
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
