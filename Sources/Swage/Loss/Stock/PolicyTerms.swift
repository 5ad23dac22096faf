/// What policy-gradient losses have in common. The batch's `targetWeights` are the advantages, one a token.
struct PolicyTerms {
    let logProbs: LossExpression
    let advantages: LossExpression
    let mask: LossExpression
    /// log π(token) − log π_sampler(token), from the batch's `samplerLogProbs`.
    let logRatio: LossExpression
    let entropy: LossExpression

    init(_ outputs: LossOutputs, _ batch: LossBatch) {
        logProbs = outputs.logProbs
        advantages = batch.targetWeights
        mask = batch.targetMask
        logRatio = outputs.logProbs - batch["samplerLogProbs"]
        entropy = outputs.entropy
    }

    var ratio: LossExpression { exp(logRatio) }

    /// The lesser of the plain and the clipped gain (Schulman et al., 2017, PPO).
    func clippedGain(_ bounds: ClosedRange<Double>) -> LossExpression {
        minimum(ratio * advantages, clip(ratio, bounds) * advantages)
    }

    /// How many sequences have a target.
    var sequenceCount: LossExpression { (mask / sequenceLength).sum() }

    /// At each token how many targets its sequence has, and 1 where it has none.
    var sequenceLength: LossExpression { maximum(mask.segmentSum(), 1) }

    /// Reports what people watch: how far the policy has moved from the sampler, and how sure it is.
    func reporting(_ value: LossValue, clip bounds: ClosedRange<Double>? = nil) -> LossValue {
        let reported =
            value
            .reporting("sampler_kl", .mean(of: -logRatio, over: mask))
            .reporting("ratio", .mean(of: ratio, over: mask))
            .reporting("largest_difference", maximum: (abs(logRatio) * mask).max(axis: 1).max(axis: 0))
            .reporting("entropy", .mean(of: entropy, over: mask))
            .reporting("tokens", mask.sum())
        guard let bounds else { return reported }
        return reported.reporting("clip_fraction", .mean(of: ratio.isOutside(bounds), over: mask))
    }
}
