extension LossFunction {
    /// How tokens of completions of different lengths are averaged.
    public enum TokenNormalization: Sendable, Hashable {
        /// Every token counts the same (Yu et al., 2025, DAPO).
        case tokenMean
        /// Every sequence counts the same, and its tokens share that (Shao et al., 2024, DeepSeekMath).
        case sequenceMean
        /// Every token counts 1 / `maxTokens` of a sequence, whatever its length (Liu et al., 2025, Dr. GRPO).
        case constant(maxTokens: Int)
    }

    /// Estimators of the divergence from a reference policy, from one drawn token (Schulman, 2020).
    public enum KLEstimator: String, Sendable, CaseIterable {
        /// log π − log π_ref: unbiased, of high variance.
        case k1
        /// (log π − log π_ref)² / 2: of low variance, biased.
        case k2
        /// π_ref / π − 1 − log(π_ref / π): unbiased, never negative.
        case k3

        func callAsFunction(_ logProbs: LossExpression, reference: LossExpression) -> LossExpression {
            let difference = logProbs - reference
            return switch self {
            case .k1: difference
            case .k2: square(difference) / 2
            case .k3: exp(-difference) - 1 + difference
            }
        }
    }

    /// Group relative policy optimization (Shao et al., 2024). `targetWeights` are the group's relative advantages;
    /// the batch's `lossInputs` have `samplerLogProbs`, and with a `klCoefficient` also `referenceLogProbs`.
    public static func grpo(
        clip: ClosedRange<Double> = 0.8...1.2, normalization: TokenNormalization = .tokenMean,
        klCoefficient: Double = 0, klEstimator: KLEstimator = .k3
    ) -> LossFunction {
        LossFunction("grpo") { outputs, batch in
            let policy = PolicyTerms(outputs, batch)
            var loss = -policy.clippedGain(clip)
            guard klCoefficient != 0 else {
                return policy.reporting(policy.normalized(loss, normalization), clip: clip)
            }
            let kl = klEstimator(policy.logProbs, reference: batch["referenceLogProbs"])
            loss = loss + klCoefficient * kl
            return policy.reporting(policy.normalized(loss, normalization), clip: clip)
                .reporting("reference_kl", .mean(of: kl, over: policy.mask))
        }
    }

    /// Group sequence policy optimization (Zheng et al., 2025): one ratio a sequence, the geometric mean of its
    /// tokens', clipped as a whole. `targetWeights` are the same for all tokens of a sequence.
    public static func gspo(clip bounds: ClosedRange<Double> = 0.9997...1.0004) -> LossFunction {
        LossFunction("gspo") { outputs, batch in
            let policy = PolicyTerms(outputs, batch)
            let mean = (policy.logRatio * policy.mask).segmentSum() / policy.sequenceLength
            let ratio = exp(mean)
            let gain = minimum(ratio * policy.advantages, clip(ratio, bounds) * policy.advantages)
            return policy.reporting(policy.normalized(-gain, .sequenceMean))
                .reporting("clip_fraction", policy.normalized(ratio.isOutside(bounds), .sequenceMean))
        }
    }
}

extension PolicyTerms {
    func normalized(_ loss: LossExpression, _ normalization: LossFunction.TokenNormalization) -> LossValue {
        switch normalization {
        case .tokenMean: .mean(of: loss, over: mask)
        case .sequenceMean: .mean(of: loss, over: mask / sequenceLength)
        case .constant(let maxTokens):
            LossValue(sum: (loss * mask).sum(), denominator: sequenceCount * Double(maxTokens))
        }
    }
}
