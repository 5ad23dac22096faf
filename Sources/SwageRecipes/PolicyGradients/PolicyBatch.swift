public import Swage

/// Trajectories as batches that a loss learns from.
///
/// Trajectories of one prompt should stand together: engines may compute what neighbors begin with once.
public enum PolicyBatch {
    /// Which number stands at each token of a trajectory; the first token is predicted by none.
    public typealias TokenValues = (Trajectory) -> [Float]

    /// One batch, a row a trajectory, in which the model learns what it wrote.
    ///
    /// - Parameters:
    ///   - trajectories: what is learned from, none of them empty.
    ///   - advantages: one a trajectory; nil for a batch without `targetWeights`.
    ///   - correction: what the advantage is multiplied by at each token; nil for 1.
    ///   - lossInputs: further numbers a token, by the names under which a loss reads them.
    public static func make(
        _ trajectories: [Trajectory], advantages: [Double]? = nil, correction: TokenValues? = nil,
        lossInputs: [String: TokenValues] = ["samplerLogProbs": \.samplerLogProbs]
    ) -> TextTrainBatch {
        let length = trajectories.map { $0.tokens.count - 1 }.max() ?? 0
        func tensor<Scalar>(_ padding: Scalar, _ values: (Int) -> [Scalar]) -> Tensor<Scalar> {
            let rows = trajectories.indices.map { values($0).dropFirst() }
            return Tensor(
                unchecked: rows.flatMap { $0 + repeatElement(padding, count: length - $0.count) },
                shape: [rows.count, length])
        }
        let inputs = trajectories.flatMap { trajectory in
            trajectory.tokens.dropLast() + repeatElement(0, count: length - trajectory.tokens.count + 1)
        }
        var batch = TextTrainBatch(
            inputIDs: Tensor(unchecked: inputs, shape: [trajectories.count, length]),
            targetIDs: tensor(0) { trajectories[$0].tokens },
            targetMask: tensor(0) { trajectories[$0].isWritten.map { $0 ? 1 : 0 } })
        if let advantages {
            batch.targetWeights = tensor(0) { row in
                let weights = correction?(trajectories[row]) ?? trajectories[row].tokens.map { _ in 1 }
                return weights.map { $0 * Float(advantages[row]) }
            }
        }
        batch.lossInputs = lossInputs.mapValues { values in tensor(0) { values(trajectories[$0]) } }
        return batch
    }

    /// A trainer's log-probability of each token that its model or another wrote; 0 for the others.
    /// - Throws: ``Swage/TrainerError`` with code `engineFailed` or `nonFinite` for an answer that is none.
    public static func logProbs(_ trajectories: [Trajectory], by trainer: any Trainer) async throws -> [[Float]] {
        let inputs = ForwardInputs(logProbsOf: make(trajectories, lossInputs: [:]))
        let logProbs = try await trainer.forward(inputs).answering(inputs).logProbs!
        guard logProbs.scalars.allSatisfy(\.isFinite) else {
            throw TrainerError(.nonFinite, "a log-probability that the trainer has given is not finite", expected: "finite weights")
        }
        let columns = logProbs.shape[1]
        return trajectories.enumerated().map { row, trajectory in
            [0] + logProbs.scalars[row * columns..<row * columns + trajectory.tokens.count - 1]
        }
    }
}
