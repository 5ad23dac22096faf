import Swage

/// What becomes of sums, denominators and metrics.
extension LossVectors {
    static var results: [LossVector] {
        [
            LossVector(absentFields, absent: ["targetMask", "targetWeights"]), LossVector(maskedOutputs), LossVector(kinds),
            result("a sum that is NaN") { x in (log(x - 9).sum(), x.size(axis: 0)) },
            result("a sum that is infinite") { x in (exp(x * x + 1000).sum(), x.size(axis: 0)) },
            result("a denominator of 0") { x in (x.sum(), (x - x).sum()) },
            result("a denominator below 0") { x in (x.sum(), -x.size(axis: 0)) },
            result("a denominator that is NaN") { x in (x.sum(), log(x - 9).sum()) },
            result("a denominator that is infinite") { x in (x.sum(), exp(x * x + 1000).sum()) },
        ]
    }

    private static let absentFields = LossFunction("fields that the batch lacks") { outputs, batch in
        .mean(of: outputs.logProbs * batch.targetWeights, over: batch.targetMask)
    }

    /// Masking outputs is the trainer's work, and not that of whoever evaluates a program.
    private static let maskedOutputs = LossFunction("outputs where the mask is 0") { outputs, batch in
        let tokens = square(outputs.logProbs + batch.targetMask).sum()
        let states = square(outputs.hiddenStates + batch.targetMask.insertingAxis(2)).sum()
        return LossValue(sum: tokens + states, denominator: outputs.logProbs.size(axis: 0))
    }

    private static let kinds = LossFunction("metrics of each kind") { outputs, batch in
        let mean = LossValue.mean(of: outputs.entropy, over: batch["weights"])
        return LossValue(sum: outputs.logProbs.sum(), denominator: outputs.logProbs.size(axis: 0))
            .reporting("total", outputs.entropy.sum())
            .reporting("largest", maximum: outputs.entropy.max(axis: 1).max(axis: 0))
            .reporting("mean", mean)
            .reporting("perplexity", exponentialOf: mean)
    }

    private static func result(
        _ name: String, _ body: (LossExpression) -> (sum: LossExpression, denominator: LossExpression)
    ) -> LossVector {
        LossVector(
            LossFunction(name) { outputs, _ in
                let (sum, denominator) = body(outputs.logProbs)
                return LossValue(sum: sum, denominator: denominator)
            })
    }
}
