import Foundation
import Swage

/// A program that no trainer takes: a line of docs/loss-vectors.jsonl.
struct RefusedProgram {
    let program: [String: Any]
    /// The number of the node at fault; nil where it is none.
    let node: Int?
    /// How many rows the batch has.
    let batch: Int
    /// What the batch has of loss inputs, by name their shapes.
    let fields: [String: [Int]]

    var line: String {
        var object: [String: Any] = ["program": program, "refused": "invalidLoss"]
        if let node { object["node"] = node }
        object["axes"] = LossVector.axes.merging(["batch": batch, "pairs": batch / 2]) { $1 }
        object["fields"] = fields.mapValues { shape in
            ["shape": shape, "values": [Int](repeating: 1, count: shape.reduce(1, *))]
        }
        return LossVector.json(object)
    }

    /// Does with the program what an engine does first.
    func validate() throws {
        let data = try JSONSerialization.data(withJSONObject: program)
        let loss = try JSONDecoder().decode(LossFunction.self, from: data)
        let ids = try Tensor([Int32](repeating: 0, count: batch * 3), shape: [batch, 3])
        let inputs = fields.mapValues { Tensor(repeating: Float(1), shape: $0) }
        try loss.validate(
            batch: TextTrainBatch(inputIDs: ids, targetIDs: ids, lossInputs: inputs),
            engineOutputs: Set(ModelOutput.allCases), vocabularySize: 5, hiddenSize: 2)
    }
}
