extension LossFunction {
    /// The mean negative log-probability of the targets.
    ///
    /// With `targetWeights` each target's term is multiplied by its weight; the denominator stays the number of
    /// unmasked targets. Reports `perplexity` and `tokens`, both without the weights. No logits are built.
    public static let crossEntropy = LossFunction("cross_entropy") { outputs, batch in
        .mean(of: -outputs.logProbs * batch.targetWeights, over: batch.targetMask)
            .reporting("perplexity", exponentialOf: .mean(of: -outputs.logProbs, over: batch.targetMask))
            .reporting("tokens", batch.targetMask.sum())
    }

    /// Cross entropy with label smoothing (Szegedy et al., 2016), which takes `smoothing` of each target's weight and
    /// spreads it over all tokens, and a z-loss (Chowdhery et al., 2022, PaLM), `zLoss` times the square of the
    /// logarithm of the normalizer.
    public static func crossEntropy(smoothing: Double, zLoss: Double = 0) -> LossFunction {
        LossFunction("smoothed_cross_entropy") { outputs, batch in
            let normalizer = outputs.logits.logSumExp(axis: -1)
            let target = outputs.logits(at: batch.targetIDs) - normalizer
            let uniform = outputs.logits.mean(axis: -1) - normalizer
            let likelihood = (1 - smoothing) * target + smoothing * uniform
            let loss = zLoss * square(normalizer) - likelihood
            return .mean(of: loss * batch.targetWeights, over: batch.targetMask)
                .reporting("perplexity", exponentialOf: .mean(of: -target, over: batch.targetMask))
                .reporting("z", .mean(of: square(normalizer), over: batch.targetMask))
                .reporting("tokens", batch.targetMask.sum())
        }
    }

    /// Cross entropy straight from hidden states and output head (Wijmans et al., 2024, "cut" cross entropy): no
    /// `[tokens, vocabulary]` is ever built.
    public static let linearCrossEntropy = LossFunction("linear_cross_entropy") { outputs, batch in
        let logits = outputs.hiddenStates.matmul(outputs.outputHead.transposed)
        let logProbs = logits.gather(batch.targetIDs) - logits.logSumExp(axis: -1)
        return .mean(of: -logProbs * batch.targetWeights, over: batch.targetMask)
            .reporting("perplexity", exponentialOf: .mean(of: -logProbs, over: batch.targetMask))
            .reporting("tokens", batch.targetMask.sum())
    }
}
