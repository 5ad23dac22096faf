/// What a loss's closure returns: a sum, a denominator, and what to report.
public struct LossValue {
    let sum: LossExpression
    let denominator: LossExpression
    var metrics: [(name: String, value: LossExpression)] = []

    /// The loss `sum / denominator`, both of them scalars that add up over microbatches.
    public init(sum: LossExpression, denominator: LossExpression) {
        self.sum = sum
        self.denominator = denominator
    }

    /// The mean of `values`, each counted as often as `weights` says.
    public static func mean(of values: LossExpression, over weights: LossExpression) -> LossValue {
        LossValue(sum: (values * weights).sum(), denominator: weights.sum())
    }

    /// The loss itself, to report something about it.
    public var quotient: LossExpression { sum / denominator }

    /// Also reports a scalar under `name`.
    public func reporting(_ name: String, _ value: LossExpression) -> LossValue {
        var copy = self
        copy.metrics.append((name, value))
        return copy
    }

    /// Also reports a mean under `name`.
    public func reporting(_ name: String, _ value: LossValue) -> LossValue { reporting(name, value.quotient) }
}
