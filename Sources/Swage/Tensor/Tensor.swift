/// A dense array of numbers with a shape, in row-major order, held in the memory of this process.
///
/// Tensors carry data across the ``Trainer`` boundary: batches in, results out. They do no arithmetic;
/// engines keep their own storage.
public struct Tensor<Scalar: Sendable & Equatable>: Sendable, Equatable {
    /// The extent of every axis, outermost first.
    public let shape: [Int]
    /// The elements, the last axis varying fastest.
    public let scalars: [Scalar]

    /// Makes a tensor of `scalars` in row-major order.
    /// - Throws: ``TrainerError`` with code `invalidShape` if the shape does not hold exactly that many elements.
    public init(_ scalars: [Scalar], shape: [Int]) throws {
        guard let count = elementCount(shape), count == scalars.count else {
            throw TrainerError(
                .invalidShape, "a tensor of shape \(shape) was given \(scalars.count) elements",
                expected: elementCount(shape).map { "\($0) elements" } ?? "a shape without negative or huge axes")
        }
        self.shape = shape
        self.scalars = scalars
    }

    /// Makes a tensor of elements that are known to fit the shape.
    package init(unchecked scalars: [Scalar], shape: [Int]) {
        assert(elementCount(shape) == scalars.count, "\(scalars.count) elements in shape \(shape)")
        self.shape = shape
        self.scalars = scalars
    }

    /// Makes a `[rows, columns]` tensor of rows of equal length.
    /// - Throws: ``TrainerError`` with code `invalidShape` if the rows differ in length.
    public init(rows: [[Scalar]]) throws {
        let columns = rows.first?.count ?? 0
        if let odd = rows.firstIndex(where: { $0.count != columns }) {
            throw TrainerError(
                .invalidShape, "row \(odd) has \(rows[odd].count) elements", expected: "\(columns), as row 0 has")
        }
        try self.init(rows.flatMap { $0 }, shape: [rows.count, columns])
    }

    /// Makes a tensor that holds `value` everywhere.
    /// - Precondition: no axis is negative, and memory can hold as many elements. Sizes that come from outside are for
    ///   ``init(filling:with:)``.
    public init(repeating value: Scalar, shape: [Int]) {
        guard let count = elementCount(shape) else { preconditionFailure("a tensor of shape \(shape) cannot be") }
        self.shape = shape
        self.scalars = Array(repeating: value, count: count)
    }

    /// Makes a tensor that holds `value` everywhere, of a shape that comes from outside.
    /// - Throws: ``TrainerError`` with code `invalidShape` for a negative axis, or `tooLarge` if there is no memory for it.
    public init(filling shape: [Int], with value: Scalar) throws {
        guard shape.allSatisfy({ $0 >= 0 }) else {
            throw TrainerError(.invalidShape, "a tensor has the shape \(shape)", expected: "axes of 0 or more")
        }
        let count = try MemoryBudget.require(shape, of: Scalar.self, for: "a tensor")
        self.shape = shape
        self.scalars = Array(repeating: value, count: count)
    }

    /// The element at one index for each axis.
    public subscript(indices: Int...) -> Scalar {
        precondition(indices.count == shape.count, "\(indices.count) indices into shape \(shape)")
        var offset = 0
        for (index, extent) in zip(indices, shape) {
            precondition(index >= 0 && index < extent, "index \(indices) is outside shape \(shape)")
            offset = offset * extent + index
        }
        return scalars[offset]
    }
}
