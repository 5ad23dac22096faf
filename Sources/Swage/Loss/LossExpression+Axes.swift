/// Operations along axes. A negative axis counts from behind the last.
extension LossExpression {
    private func reduced(_ operation: String, _ axis: Int, keepingAxis: Bool) -> LossExpression {
        let attributes = self.axis(axis)
        let result = applying(operation, attributes: attributes)
        return keepingAxis ? result : result.applying("removeAxis", attributes: attributes)
    }

    /// The sum of everything: a scalar.
    public func sum() -> LossExpression { shape.isEmpty ? self : sum(axis: -1).sum() }

    /// The sum along `axis` (`-1` is the last one), which is removed, or with `keepingAxis` left with a length of 1.
    public func sum(axis: Int, keepingAxis: Bool = false) -> LossExpression {
        reduced("sum", axis, keepingAxis: keepingAxis)
    }

    /// The sum along `axis` (`-1` is the last one) divided by its length: positions where the mask is 0 count as well. The axis is
    /// removed, or with `keepingAxis` left with a length of 1.
    public func mean(axis: Int, keepingAxis: Bool = false) -> LossExpression {
        sum(axis: axis, keepingAxis: keepingAxis) / size(axis: axis)
    }

    /// The largest element along `axis` (`-1` is the last one), NaN if one of them is. All that reach it share the gradient in
    /// equal parts. The axis is removed, or with `keepingAxis` left with a length of 1.
    public func max(axis: Int, keepingAxis: Bool = false) -> LossExpression {
        reduced("max", axis, keepingAxis: keepingAxis)
    }

    /// The smallest element along `axis` (`-1` is the last one), NaN if one of them is. All that reach it share the gradient in
    /// equal parts. The axis is removed, or with `keepingAxis` left with a length of 1.
    public func min(axis: Int, keepingAxis: Bool = false) -> LossExpression {
        reduced("min", axis, keepingAxis: keepingAxis)
    }

    /// The logarithm of the sum of exponentials, without overflow.
    public func logSumExp(axis: Int, keepingAxis: Bool = false) -> LossExpression {
        reduced("logSumExp", axis, keepingAxis: keepingAxis)
    }

    /// e^x / Σ e^x along `axis` (`-1` is the last one), without overflow; the shape stays. NaN where all elements are −infinity, and
    /// at one that is +infinity.
    public func softmax(axis: Int) -> LossExpression { applying("softmax", attributes: self.axis(axis)) }
    /// x − ln Σ e^x along `axis` (`-1` is the last one), without overflow; the shape stays. NaN where all elements are −infinity,
    /// and at one that is +infinity.
    public func logSoftmax(axis: Int) -> LossExpression { applying("logSoftmax", attributes: self.axis(axis)) }

    /// The extent of an axis, as a scalar.
    public func size(axis: Int) -> LossExpression { applying("size", attributes: self.axis(axis)) }

    /// The running sum along an axis, or from its end with `reverse`.
    public func cumulativeSum(axis: Int, reverse: Bool = false) -> LossExpression {
        var attributes = self.axis(axis)
        attributes.reverse = reverse
        return applying("cumulativeSum", attributes: attributes)
    }

    /// At each position the sum over the sequence that it belongs to, also in packed rows.
    public func segmentSum() -> LossExpression { applying("segmentSum") }

    /// The running sum within each sequence, also in packed rows.
    public func segmentCumulativeSum(reverse: Bool = false) -> LossExpression {
        applying("segmentCumulativeSum", attributes: .init(reverse: reverse))
    }

    /// The elements along the last axis that `ids` numbers, NaN for a number outside of it. `ids` has the same axes but
    /// for the last, or lacks it.
    public func gather(_ ids: LossExpression) -> LossExpression {
        guard ids.shape.count == shape.count - 1 else { return applying("gather", ids) }
        let single = ids.insertingAxis(ids.shape.count)
        return applying("gather", single).applying("removeAxis", attributes: .init(axis: ids.shape.count))
    }

    /// `[…, k] · [k, n] → […, n]`
    public func matmul(_ matrix: LossExpression) -> LossExpression { applying("matmul", matrix) }

    /// The last two axes exchanged.
    public var transposed: LossExpression { applying("transpose") }

    /// An axis of 1 before axis `index`.
    public func insertingAxis(_ index: Int) -> LossExpression {
        applying("insertAxis", attributes: .init(axis: index < 0 ? shape.count + 1 + index : index))
    }

    /// The element at `index` of an axis whose extent is a number.
    public func take(_ index: Int, axis: Int) -> LossExpression {
        var attributes = self.axis(axis)
        attributes.index = index
        return applying("take", attributes: attributes)
    }

    /// The even and the odd rows of a batch of pairs.
    public var pairs: (first: LossExpression, second: LossExpression) {
        let split = applying("splitPairs")
        return (split.take(0, axis: 1), split.take(1, axis: 1))
    }

    /// Repeated to a shape.
    public func broadcast(to shape: LossShape) -> LossExpression {
        applying("broadcastTo", attributes: .init(shape: shape))
    }
}
