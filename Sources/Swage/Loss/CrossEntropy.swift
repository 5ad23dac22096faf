extension LossFunction {
    /// The mean negative log-probability of the targets.
    ///
    /// With `targetWeights` each target's term is multiplied by its weight; the denominator stays the number of
    /// unmasked targets. Reports `perplexity` and `tokens`, both without the weights.
    public static let crossEntropy = LossFunction("cross_entropy") { outputs, batch in
        let tokens = batch.targetMask.sum()
        let unweighted = (-outputs.logProbs * batch.targetMask).sum() / tokens
        return .mean(of: -outputs.logProbs * batch.targetWeights, over: batch.targetMask)
            .reporting("perplexity", exp(unweighted))
            .reporting("tokens", tokens)
    }
}
