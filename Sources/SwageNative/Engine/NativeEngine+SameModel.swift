import Swage
import SwageFiles

extension NativeEngine {
    /// Of the same tensors two models may be made: a checkpoint's configuration has to say what this one computes, if it says it.
    /// - Throws: ``Swage/TrainerError`` with code `checkpointMismatch`.
    func requireSameModel(_ path: String) throws {
        guard let found = ModelConfiguration(folder: path), let other = found.firstDifference(from: model.configuration) else { return }
        throw TrainerError(
            .checkpointMismatch, "\(path) belongs to another model: the \(other) in its config.json",
            expected: "a checkpoint of \(model.configuration.name)")
    }
}

extension ModelConfiguration {
    /// In what two models of the same tensors compute something else, in words; nil where they do not.
    fileprivate func firstDifference(from other: ModelConfiguration) -> String? {
        let parts: [(String, Bool)] = [
            ("family is another", family != other.family), ("activation is another", activation != other.activation),
            ("norms' epsilon is another", normEpsilon != other.normEpsilon), ("biases are others", biases != other.biases),
            ("scales are others", scales != other.scales), ("experts are others", experts != other.experts),
            ("layers see or turn otherwise", layers != other.layers), ("rotary positions are others", rotaries != other.rotaries),
        ]
        return parts.first { $0.1 }?.0
    }
}
