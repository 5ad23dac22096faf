import Foundation
import Swage

/// What is different about a family of decoders, as data: the model, its files and their names are read and written by it, and no
/// code elsewhere asks for a family's name.
///
/// A file of its own describes each family, and a line in ``FamilyRegistry`` names it. What is not said is as in Llama.
package final class ModelFamily: Sendable {
    /// How a row of numbers is brought to a common size.
    package enum Norm: Sendable {
        /// By its root mean square, times a weight (Zhang and Sennrich, 2019).
        case rms
        /// The same, times 1 and a weight.
        case rmsPlusOne
        /// By its mean and its variance, times a weight, and a bias (Ba et al., 2016).
        case layer
    }

    /// What of queries, and of keys, is normalized at once.
    package enum QueryKeyExtent: Sendable { case head, wholeWidth }

    /// `model_type` in `config.json`.
    package let name: String
    /// The class that transformers makes of such a model.
    package let transformersClass: String
    /// transformers' defaults for the keys of `config.json`.
    let standards: JSONObject
    /// The keys that the family's `config.json` calls otherwise than Llama's.
    let spelling: [String: String]
    /// Numbers and flags of the configuration beside those that all families have.
    let settings: [ConfigurationSetting]
    /// The keys that say which projections have biases.
    let biasKeys: [(key: String, biases: Biases)]
    /// The biases that there always are.
    let fixedBiases: Biases
    /// What a configuration has to be beyond what every one has.
    let requirement: (@Sendable (ModelConfiguration, ConfigurationFields) throws -> Void)?

    package let norm: Norm
    package let queryKeyExtent: QueryKeyExtent
    let layerRule: LayerRule
    let rotaryRule: RotaryRule
    /// How experts are chosen; nil where there are none.
    let expertRule: ExpertRule?

    /// What each tensor is called.
    let tensors: [TensorRole: TensorName]
    /// What stands before the number of a layer in Hugging Face's names.
    let layerPrefix: String
    /// Whether Hugging Face stores matrices as `[inputs, outputs]`.
    package let storesTransposed: Bool
    /// What GGUF does otherwise; nil where it has no such models, or others under the same name.
    let gguf: GGUFFamily?
    /// What embeddings are multiplied by, given the hidden size.
    let embeddingScale: (@Sendable (Int) -> Double)?
    /// What its code computes whatever `hidden_act` says; nil for what that says.
    let activation: Activation?
    /// How many times the hidden size the feed-forward size is, where nothing says.
    let feedForwardFactor: Int?

    init(
        name: String, transformersClass: String, standards: JSONObject, spelling: [String: String] = [:],
        settings: [ConfigurationSetting] = [], biasKeys: [(key: String, biases: Biases)] = [], fixedBiases: Biases = [],
        norm: Norm = .rms, queryKeyExtent: QueryKeyExtent = .head, layers: LayerRule = .full, rotary: RotaryRule = .init(), experts: ExpertRule? = nil,
        tensors: [TensorRole: TensorName] = .llama, layerPrefix: String = "model.layers", storesTransposed: Bool = false,
        gguf: GGUFFamily? = nil, embeddingScale: (@Sendable (Int) -> Double)? = nil, feedForwardFactor: Int? = nil,
        activation: Activation? = nil,
        requirement: (@Sendable (ModelConfiguration, ConfigurationFields) throws -> Void)? = nil
    ) {
        (self.name, self.transformersClass, self.standards) = (name, transformersClass, standards)
        (self.spelling, self.settings, self.biasKeys, self.fixedBiases) = (spelling, settings, biasKeys, fixedBiases)
        (self.norm, self.queryKeyExtent, layerRule, rotaryRule) = (norm, queryKeyExtent, layers, rotary)
        (expertRule, self.activation) = (experts, activation)
        (self.tensors, self.layerPrefix, self.storesTransposed) = (tensors, layerPrefix, storesTransposed)
        (self.gguf, self.embeddingScale, self.feedForwardFactor, self.requirement) = (gguf, embeddingScale, feedForwardFactor, requirement)
    }

    /// Whether such a model has a tensor.
    package func has(_ role: TensorRole) -> Bool { tensors[role] != nil }

    /// Hugging Face's name of a tensor's weight or bias; nil if the family has none.
    /// - Parameters:
    ///   - kind: `weight` or `bias`.
    ///   - layer: the layer's number; it makes no difference for what a model has once.
    ///   - expert: the expert's number, for what each has.
    package func tensorName(_ role: TensorRole, _ kind: String = "weight", layer: Int = 0, expert: Int = 0) -> String? {
        tensors[role].map { name in
            if role.isOuter { return "\(name.huggingFace).\(kind)" }
            // These are parameters by themselves, and not of a module.
            if role.isJoinedExperts || role == .sinks {
                return "\(layerPrefix).\(layer).\(name.huggingFace)" + (kind == "weight" ? "" : "_\(kind)")
            }
            let stem = role.isExperts ? name.huggingFace.replacingOccurrences(of: "{expert}", with: "\(expert)") : name.huggingFace
            return "\(layerPrefix).\(layer).\(stem).\(kind)"
        }
    }
}

extension ModelFamily: Equatable {
    package static func == (a: ModelFamily, b: ModelFamily) -> Bool { a === b }
}

/// How a family's GGUF files differ from its folders.
struct GGUFFamily: Sendable {
    /// `general.architecture`.
    let architecture: String
    /// The key, after the architecture, that is above 0 in the family's files alone, where others have the architecture as well.
    var mark: String?
    /// Whether the two elements of a rotary pair, which Hugging Face keeps half a head apart, lie side by side.
    var interleavesRotaryPairs = false
    /// Whether 1 is added to the weights of norms.
    var addsOneToNorms = false
    /// The keys, after the architecture, that hold what the family's settings do not name, and the one value of them that is read.
    var neutral: [String: Double] = [:]
    /// Whether the pairs between which YaRN's ramp lies are whole numbers.
    var truncatesYarn = true
    /// What llama.cpp knows of the family, and the file does not say.
    var complete: (@Sendable (inout ModelConfiguration) throws -> Void)?
}
