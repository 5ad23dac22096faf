import SwageFiles

extension ModelFiles {
    /// Checks that the weights are the ones that the configuration calls for.
    /// - Throws: ``Swage/TrainerError`` with code `checkpointMismatch`, `unsupported` or `tooLarge`.
    package func checkWeights() throws {
        try checkLayerCount()
        try checkShapes(try ParameterLayout(configuration).parameters.map { ($0.name, $0.shape) })
    }

    /// What is stored and makes no difference to the model, by name.
    /// - Throws: ``Swage/TrainerError`` for a configuration whose weights cannot be counted.
    package var unreadTensors: [String] {
        get throws { unread(expected: try ParameterLayout(configuration).parameters.map(\.name)) }
    }

    /// The first of ``unreadTensors`` in a sentence; nil if there are none.
    package var unreadSummary: String? {
        get throws {
            let names = try unreadTensors
            if names.isEmpty { return nil }
            let shown = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
            return "\(names.count) \(names.count == 1 ? "tensor is" : "tensors are") not read: \(shown)"
        }
    }
}
