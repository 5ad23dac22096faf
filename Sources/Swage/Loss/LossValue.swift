/// What a loss's closure returns: a sum, a denominator, and what to report.
public struct LossValue {
    let sum: LossExpression
    let denominator: LossExpression
    var metrics: [Reported] = []

    /// A metric while the loss is written.
    struct Reported {
        let name: String
        let kind: LossProgram.Metric.Kind
        let value: LossExpression
        /// Of a mean, the sum and what it is divided by.
        var parts: [LossExpression] = []
    }

    /// The loss `sum / denominator`, both of them scalars that add up over microbatches.
    public init(sum: LossExpression, denominator: LossExpression) {
        self.sum = sum
        self.denominator = denominator
    }

    /// The mean of `values`, each counted as often as `weights` says.
    public static func mean(of values: LossExpression, over weights: LossExpression) -> LossValue {
        LossValue(sum: (values * weights).sum(), denominator: weights.sum())
    }

    /// The loss itself, to compute with.
    public var quotient: LossExpression { sum / denominator }

    /// Also reports a scalar under `name`, which adds up over the microbatches of a step: a count, a sum.
    public func reporting(_ name: String, _ total: LossExpression) -> LossValue {
        reporting(Reported(name: name, kind: .sum, value: total))
    }

    /// Also reports a scalar under `name`, of which a step has the largest.
    public func reporting(_ name: String, maximum: LossExpression) -> LossValue {
        reporting(Reported(name: name, kind: .maximum, value: maximum))
    }

    /// Also reports a mean under `name`. Over the microbatches of a step its sum and its denominator add up apart.
    public func reporting(_ name: String, _ mean: LossValue) -> LossValue {
        reporting(Reported(name: name, kind: .mean, value: mean.quotient, parts: [mean.sum, mean.denominator]))
    }

    /// Also reports e to the power of a mean under `name`: a perplexity, a geometric mean.
    public func reporting(_ name: String, exponentialOf mean: LossValue) -> LossValue {
        reporting(
            Reported(name: name, kind: .exponentialMean, value: exp(mean.quotient), parts: [mean.sum, mean.denominator]))
    }

    private func reporting(_ metric: Reported) -> LossValue {
        var copy = self
        copy.metrics.append(metric)
        return copy
    }
}
