/// Losses that learn from rewards. `targetWeights` are advantages; all but REINFORCE read `samplerLogProbs` from the
/// batch's `lossInputs`: the log-probabilities with which the tokens were drawn.
extension LossFunction {
    /// −A · log π (Williams, 1992).
    public static let reinforce = LossFunction("reinforce") { outputs, batch in
        .mean(of: -outputs.logProbs * batch.targetWeights, over: batch.targetMask)
            .reporting("entropy", .mean(of: outputs.entropy, over: batch.targetMask))
            .reporting("tokens", batch.targetMask.sum())
    }

    /// −A · π / π_sampler: REINFORCE corrected for tokens that another policy drew.
    public static let importanceSampling = LossFunction("importance_sampling") { outputs, batch in
        let policy = PolicyTerms(outputs, batch)
        return policy.reporting(.mean(of: -policy.ratio * policy.advantages, over: policy.mask))
    }

    /// Proximal policy optimization (Schulman et al., 2017): the gain of a ratio beyond `clip` does not count.
    /// - Parameters:
    ///   - clip: the bounds of π / π_sampler, both of them finite; by default 0.2 to either side of 1.
    ///   - dualClip: where the advantage is negative, the gain is no less than this times the advantage (Ye et al., 2020);
    ///     nil for no such bound.
    public static func ppo(clip: ClosedRange<Double> = 0.8...1.2, dualClip: Double? = nil) -> LossFunction {
        LossFunction("ppo") { outputs, batch in
            let policy = PolicyTerms(outputs, batch)
            var gain = policy.clippedGain(clip)
            if let dualClip {
                gain = select(policy.advantages .< 0, maximum(gain, policy.advantages * dualClip), gain)
            }
            return policy.reporting(.mean(of: -gain, over: policy.mask), clip: clip)
        }
    }

    /// Clipped importance-sampling policy optimization (MiniMax, 2025): the clipped ratio weighs REINFORCE, and no
    /// token loses its gradient.
    public static func cispo(clip bounds: ClosedRange<Double> = 0...5) -> LossFunction {
        LossFunction("cispo") { outputs, batch in
            let policy = PolicyTerms(outputs, batch)
            let weight = stopGradient(clip(policy.ratio, bounds))
            return policy.reporting(
                .mean(of: -weight * policy.advantages * policy.logProbs, over: policy.mask), clip: bounds)
        }
    }

    /// Direct reward optimization (Richemond et al., 2024): −A · log π + β/2 · (log π − log π_sampler)².
    public static func dro(beta: Double = 0.05) -> LossFunction {
        LossFunction("dro") { outputs, batch in
            let policy = PolicyTerms(outputs, batch)
            let loss = beta / 2 * square(policy.logRatio) - policy.logProbs * policy.advantages
            return policy.reporting(.mean(of: loss, over: policy.mask))
        }
    }
}
