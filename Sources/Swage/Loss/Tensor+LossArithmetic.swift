/// What evaluating a loss needs of tensors. Shapes have been inferred before, and fit.
extension Tensor where Scalar == Double {
    func mapped(_ function: (Double) -> Double) -> Tensor { Tensor(unchecked: scalars.map(function), shape: shape) }

    /// Combines elements that meet when both are repeated to `shape`.
    static func combining(
        _ a: Tensor, _ b: Tensor, shape: [Int], _ function: (Double, Double) -> Double
    ) -> Tensor {
        if a.shape == b.shape {
            return Tensor(unchecked: zip(a.scalars, b.scalars).map(function), shape: shape)
        }
        if b.scalars.count == 1, a.shape == shape {
            return Tensor(unchecked: a.scalars.map { [y = b.scalars[0]] in function($0, y) }, shape: shape)
        }
        if a.scalars.count == 1, b.shape == shape {
            return Tensor(unchecked: b.scalars.map { [x = a.scalars[0]] in function(x, $0) }, shape: shape)
        }
        let (x, y) = (a.broadcast(to: shape).scalars, b.broadcast(to: shape).scalars)
        return Tensor(unchecked: zip(x, y).map(function), shape: shape)
    }

    /// Repeats axes of 1, and puts missing axes before the others.
    func broadcast(to target: [Int]) -> Tensor {
        if shape == target { return self }
        let sources = Self.sources(of: shape, in: target)
        return Tensor(unchecked: sources.map { scalars[$0] }, shape: target)
    }

    /// Sums the axes that repeating `target` to this shape would repeat.
    func summed(to target: [Int]) -> Tensor {
        if shape == target { return self }
        var result = [Double](repeating: 0, count: target.reduce(1, *))
        for (value, source) in zip(scalars, Self.sources(of: target, in: shape)) { result[source] += value }
        return Tensor(unchecked: result, shape: target)
    }

    /// For each element of `large`, the element of `small` that is repeated there.
    private static func sources(of small: [Int], in large: [Int]) -> [Int] {
        let missing = large.count - small.count
        var strides = [Int](repeating: 0, count: large.count)
        var stride = 1
        for axis in small.indices.reversed() {
            strides[axis + missing] = small[axis] == 1 ? 0 : stride
            stride *= small[axis]
        }
        var result = [0]
        for (extent, stride) in zip(large, strides) {
            result = result.flatMap { offset in (0..<extent).map { offset + $0 * stride } }
        }
        return result
    }

    /// Replaces every line of elements along `axis` by `function` of it.
    /// - Parameter extent: the length of the new lines; nil for the same.
    func mappingLanes(along axis: Int, extent: Int?, _ function: ([Double]) -> [Double]) -> Tensor {
        mappingLanes(along: axis, extent: extent, row: { _, lane in function(lane) })
    }

    /// The same, with each line's number.
    func mappingLanes(along axis: Int, extent: Int?, row function: (Int, [Double]) -> [Double]) -> Tensor {
        let length = shape[axis]
        let inner = shape[(axis + 1)...].reduce(1, *)
        let outer = shape[..<axis].reduce(1, *)
        let newLength = extent ?? length
        var result = [Double](repeating: 0, count: outer * newLength * inner)
        for lane in 0..<outer * inner {
            let (block, column) = (lane / inner, lane % inner)
            let values = (0..<length).map { scalars[(block * length + $0) * inner + column] }
            for (index, value) in function(lane, values).enumerated() {
                result[(block * newLength + index) * inner + column] = value
            }
        }
        var newShape = shape
        newShape[axis] = newLength
        return Tensor(unchecked: result, shape: newShape)
    }

    /// The last two axes exchanged.
    func transposed(shape target: [Int]) -> Tensor {
        let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
        let size = rows * columns
        return Tensor(
            unchecked: scalars.indices.map { place in
                let (block, rest) = (place / size, place % size)
                return scalars[block * size + rest % rows * columns + rest / rows]
            }, shape: target)
    }
}
