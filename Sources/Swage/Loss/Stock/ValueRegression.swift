extension LossFunction {
    /// Half the squared error of a linear value head on the hidden states. The batch's `lossInputs` have
    /// `valueHead`, `[hidden, 1]`, and `returns`; with `clip` also `oldValues`, from which the prediction's way counts
    /// no further than that (Schulman et al., 2017).
    public static func valueRegression(clip range: Double? = nil) -> LossFunction {
        LossFunction("value_regression") { outputs, batch in
            let values = outputs.hiddenStates.matmul(batch["valueHead", [.hidden, .fixed(1)]]).take(0, axis: 2)
            let returns = batch["returns"]
            var error = square(values - returns)
            if let range {
                let old = batch["oldValues"]
                error = maximum(error, square(old + clip(values - old, -range...range) - returns))
            }
            return .mean(of: error / 2, over: batch.targetMask)
                .reporting("value", .mean(of: values, over: batch.targetMask))
                .reporting("tokens", batch.targetMask.sum())
        }
    }
}
