/// Something that a loss reports about a microbatch, with what it takes to say it of a whole step.
public enum Metric: Sendable, Equatable, Codable {
    /// A mean: its sum and what that is divided by, which add up apart.
    case mean(sum: Double, over: Double)
    /// e to the power of a mean, as a perplexity is.
    case exponentialMean(sum: Double, over: Double)
    /// A count, or another sum.
    case sum(Double)
    /// The largest of some values; of several microbatches the largest of theirs.
    case maximum(Double)
    /// What is known of one microbatch alone: its trainer does not say what it takes to tell it of several.
    case single(Double)

    /// The number that people read.
    public var value: Double {
        switch self {
        case .mean(let sum, let over): sum / over
        case .exponentialMean(let sum, let over): exponential(sum / over)
        case .sum(let value), .maximum(let value), .single(let value): value
        }
    }

    /// The metric of two microbatches together; nil if they do not report the same kind of thing, or one that is known of each alone.
    public func combined(with other: Metric) -> Metric? {
        switch (self, other) {
        case (.mean(let sum, let over), .mean(let otherSum, let otherOver)):
            .mean(sum: sum + otherSum, over: over + otherOver)
        case (.exponentialMean(let sum, let over), .exponentialMean(let otherSum, let otherOver)):
            .exponentialMean(sum: sum + otherSum, over: over + otherOver)
        case (.sum(let value), .sum(let otherValue)): .sum(value + otherValue)
        case (.maximum(let value), .maximum(let otherValue)): .maximum(largest(value, otherValue))
        default: nil
        }
    }

    /// The larger one, or NaN if one is, which `max` keeps only of its first argument.
    private func largest(_ value: Double, _ other: Double) -> Double { other.isNaN ? other : max(value, other) }
}

extension ForwardBackwardResult {
    /// What the microbatches of a step say together: sums and denominators added up, and each metric in its own way.
    ///
    /// What only some of them report is left out: it is not known of the others.
    public static func combined(_ parts: some Sequence<ForwardBackwardResult>) -> ForwardBackwardResult? {
        var parts = parts.makeIterator()
        guard var result = parts.next() else { return nil }
        while let next = parts.next() {
            var metrics: [String: Metric] = [:]
            for (name, metric) in result.metrics { metrics[name] = next.metrics[name].flatMap { metric.combined(with: $0) } }
            result = ForwardBackwardResult(
                sum: result.sum + next.sum, denominator: result.denominator + next.denominator, metrics: metrics)
        }
        return result
    }
}
