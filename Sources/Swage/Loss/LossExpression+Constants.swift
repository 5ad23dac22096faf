extension LossBatch {
    /// Numbers that belong to the loss itself, such as the centers of bins: a tensor of the same shape, `[21]` for 21 numbers.
    ///
    /// They are part of the program, and are meant to be few: up to ``maximumConstantCount``. More of them, and those that change
    /// from batch to batch, come with the batch, in its `lossInputs`. No gradient passes.
    public func constant<Number: BinaryFloatingPoint>(_ tensor: Tensor<Number>) -> LossExpression {
        let one = LossExpression(trace: trace, node: trace.constant(1))
        guard !tensor.scalars.isEmpty, tensor.scalars.count <= Self.maximumConstantCount, tensor.scalars.allSatisfy(\.isFinite) else {
            trace.fail("a constant of shape \(tensor.shape) is not 1 to \(Self.maximumConstantCount) finite numbers")
            return one
        }
        let shape = LossShape(tensor.shape.map { .fixed($0) })
        // The number of each element in the order of rows: no operation writes down a tensor, and all of them count along an axis.
        let place = tensor.shape.indices.reduce(one.broadcast(to: shape) * 0) { place, axis in
            place * Double(tensor.shape[axis]) + one.broadcast(to: shape).cumulativeSum(axis: axis) - 1
        }
        return sum(tensor.scalars.enumerated().map { (place .== Double($0)) * Double($1) }[...])
    }

    /// A number that belongs to the loss itself: a scalar.
    public func constant(_ number: Double) -> LossExpression { LossExpression(trace: trace, node: trace.constant(1)).constant(number) }

    /// Numbers that belong to the loss itself, in a row.
    public func constant(_ numbers: [Double]) -> LossExpression {
        constant(Tensor(unchecked: numbers, shape: [numbers.count]))
    }

    /// The most elements that a constant of a loss may have.
    public static var maximumConstantCount: Int { 512 }

    /// In a tree, which stays flat where a chain would become too long.
    private func sum(_ terms: ArraySlice<LossExpression>) -> LossExpression {
        guard terms.count > 1 else { return terms.first! }
        let middle = (terms.startIndex + terms.endIndex) / 2
        return sum(terms[..<middle]) + sum(terms[middle...])
    }
}
