extension LossFunction {
    /// How a preference's margin becomes a loss.
    public enum PreferenceLoss: String, Sendable, CaseIterable {
        /// −log σ(margin) (Rafailov et al., 2023, DPO).
        case sigmoid
        /// (m − 1/2β)², where m is the difference of the completions' log-ratios, each a mean over its tokens (Azar et al.,
        /// 2024, IPO; the mean is what its authors used, and TRL does).
        case ipo
        /// max(0, 1 − margin) (Zhao et al., 2023, SLiC-HF).
        case hinge
    }

    /// Direct preference optimization (Rafailov et al., 2023) on pairs in one batch: row 2i is the chosen completion,
    /// row 2i + 1 the rejected one. The batch's `lossInputs` have `referenceLogProbs`.
    public static func dpo(beta: Double = 0.1, loss kind: PreferenceLoss = .sigmoid) -> LossFunction {
        LossFunction("dpo_\(kind.rawValue)") { outputs, batch in
            let logRatio = outputs.logProbs - batch["referenceLogProbs"]
            let sums = (logRatio * batch.targetMask).sum(axis: 1)
            let (chosen, rejected) = sums.pairs
            let margin = beta * (chosen - rejected)
            let loss =
                switch kind {
                case .sigmoid: -logSigmoid(margin)
                case .ipo: square(difference(sums / maximum(batch.targetMask.sum(axis: 1), 1)) - 1 / (2 * beta))
                case .hinge: relu(1 - margin)
                }
            let pairs = margin.size(axis: 0)
            return LossValue(sum: loss.sum(), denominator: pairs)
                .reporting("margin", LossValue(sum: margin.sum(), denominator: pairs))
                .reporting("accuracy", LossValue(sum: (margin .> 0).sum(), denominator: pairs))
                .reporting("chosen_reward", LossValue(sum: beta * chosen.sum(), denominator: pairs))
                .reporting("rejected_reward", LossValue(sum: beta * rejected.sum(), denominator: pairs))
        }
    }

    /// What the chosen completions have more than the rejected ones.
    private static func difference(_ rows: LossExpression) -> LossExpression {
        let (chosen, rejected) = rows.pairs
        return chosen - rejected
    }
}
