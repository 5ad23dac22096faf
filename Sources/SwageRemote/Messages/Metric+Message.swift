#if Engines
import Swage

extension Swage_V1_ForwardBackwardResponse {
    init(_ result: ForwardBackwardResult) {
        self.init()
        (loss, sum, denominator) = (result.loss, result.sum, result.denominator)
        metrics = result.metrics.mapValues(\.value)
        reported = result.metrics.compactMapValues(Swage_V1_Metric.init)
    }

    /// The result of a batch.
    /// - Parameter targetCount: what the loss is taken to be a mean over, where the trainer does not say.
    func result(targetCount: Int) -> ForwardBackwardResult {
        let metrics = metrics.mapValues(Metric.single).merging(reported.compactMapValues(\.metric)) { $1 }
        guard hasSum, hasDenominator else {
            let count = Double(max(targetCount, 1))
            return ForwardBackwardResult(sum: loss * count, denominator: count, metrics: metrics)
        }
        return ForwardBackwardResult(sum: sum, denominator: denominator, metrics: metrics)
    }
}

extension Swage_V1_Metric {
    /// Nil for what cannot be told of several microbatches.
    init?(_ metric: Metric) {
        self.init()
        switch metric {
        case .mean(let sum, let over): mean = .init(sum, over)
        case .exponentialMean(let sum, let over): exponentialMean = .init(sum, over)
        case .sum(let value): sum = value
        case .maximum(let value): maximum = value
        case .single: return nil
        }
    }

    /// Nil for a kind that this side does not know.
    var metric: Metric? {
        switch kind {
        case .mean(let mean): .mean(sum: mean.sum, over: mean.over)
        case .exponentialMean(let mean): .exponentialMean(sum: mean.sum, over: mean.over)
        case .sum(let value): .sum(value)
        case .maximum(let value): .maximum(value)
        case nil: nil
        }
    }
}

extension Swage_V1_Metric.Mean {
    fileprivate init(_ sum: Double, _ over: Double) {
        self.init()
        (self.sum, self.over) = (sum, over)
    }
}
#endif
