extension LossCall {
    /// How many elements are computed between two looks at whether the call was cancelled: less than a millisecond's work.
    static let pieceElements = 1 << 16
}

/// What evaluating a loss needs of tensors. Shapes have been inferred before, and fit; their sizes have been checked.
extension Tensor where Scalar == Double {
    /// A tensor of the call's shape, element by element.
    @inline(__always)
    static func generating(_ call: LossCall, _ element: (Int) -> Double) throws -> Tensor {
        let count = call.shape.reduce(1, *)
        let scalars = try [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                try call.checkpoint()
                let end = Swift.min(count, initialized + LossCall.pieceElements)
                for place in initialized..<end { buffer.initializeElement(at: place, to: element(place)) }
                initialized = end
            }
        }
        return Tensor(unchecked: scalars, shape: call.shape)
    }

    @inline(__always)
    func mapped(_ call: LossCall, _ function: (Double) -> Double) throws -> Tensor {
        let scalars = scalars
        return try .generating(call) { function(scalars[$0]) }
    }

    /// Combines elements that meet when both are repeated to the call's shape.
    @inline(__always)
    static func combining(_ a: Tensor, _ b: Tensor, _ call: LossCall, _ function: (Double, Double) -> Double) throws -> Tensor {
        let (x, y) = (a.scalars, b.scalars)
        if a.shape == b.shape { return try .generating(call) { function(x[$0], y[$0]) } }
        if y.count == 1, a.shape == call.shape { return try .generating(call) { [y = y[0]] in function(x[$0], y) } }
        if x.count == 1, b.shape == call.shape { return try .generating(call) { [x = x[0]] in function(x, y[$0]) } }
        return try .repeating([a, b], call) { first, second, _ in function(x[first], y[second]) }
    }

    /// Makes each element out of those of up to three operands that are repeated there, of which `element` is given the
    /// places.
    @inline(__always)
    static func repeating(_ operands: [Tensor], _ call: LossCall, _ element: (Int, Int, Int) -> Double) throws -> Tensor {
        var runs = Repetition(operands.map(\.shape), to: call.shape)
        let count = call.shape.reduce(1, *)
        let scalars = try [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
            var checked = 0
            while initialized < count {
                if initialized >= checked {
                    try call.checkpoint()
                    checked = initialized + LossCall.pieceElements
                }
                let (places, steps, end) = (runs.places, runs.steps, initialized + runs.length)
                for (index, place) in (initialized..<end).enumerated() {
                    let value = element(places[0] + index * steps[0], places[1] + index * steps[1], places[2] + index * steps[2])
                    buffer.initializeElement(at: place, to: value)
                }
                initialized = end
                runs.advance()
            }
        }
        return Tensor(unchecked: scalars, shape: call.shape)
    }

    /// Repeats axes of 1, and puts missing axes before the others.
    func broadcast(_ call: LossCall) throws -> Tensor {
        if shape == call.shape { return self }
        let scalars = scalars
        return try .repeating([self], call) { place, _, _ in scalars[place] }
    }

    /// Sums the axes that repeating the call's shape to this one would repeat.
    func summed(_ call: LossCall) throws -> Tensor {
        if shape == call.shape { return self }
        var result = [Double](repeating: 0, count: call.shape.reduce(1, *))
        var runs = Repetition([call.shape], to: shape)
        var (begin, checked) = (0, 0)
        while begin < scalars.count {
            if begin >= checked {
                try call.checkpoint()
                checked = begin + LossCall.pieceElements
            }
            for index in 0..<runs.length { result[runs.places[0] + index * runs.steps[0]] += scalars[begin + index] }
            begin += runs.length
            runs.advance()
        }
        return Tensor(unchecked: result, shape: call.shape)
    }

    /// Replaces every line of elements along the call's axis by `function` of it.
    /// - Parameter extent: the length of the new lines; nil for the same.
    func mappingLanes(_ call: LossCall, extent: Int?, _ function: ([Double]) -> [Double]) throws -> Tensor {
        try mappingLanes(call, along: call.attributes.axis!, extent: extent, row: { _, lane in function(lane) })
    }

    /// The same along any axis, with each line's number.
    func mappingLanes(
        _ call: LossCall, along axis: Int, extent: Int?, row function: (Int, [Double]) -> [Double]
    ) throws -> Tensor {
        let length = shape[axis]
        let inner = shape[(axis + 1)...].reduce(1, *)
        let outer = shape[..<axis].reduce(1, *)
        let newLength = extent ?? length
        var result = [Double](repeating: 0, count: outer * newLength * inner)
        let lanesAtOnce = Swift.max(1, LossCall.pieceElements / Swift.max(1, length, newLength))
        for lane in 0..<outer * inner {
            if lane % lanesAtOnce == 0 { try call.checkpoint() }
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
    func transposed(_ call: LossCall) throws -> Tensor {
        let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
        let (scalars, size) = (scalars, rows * columns)
        return try .generating(call) { place in
            let (block, rest) = (place / size, place % size)
            return scalars[block * size + rest % rows * columns + rest / rows]
        }
    }
}

/// Walks through the elements of a large tensor in order, in runs along which each of up to four smaller tensors is passed
/// through at an even step, and says where in them a run begins.
private struct Repetition {
    /// Where the run at hand begins in each of the smaller tensors.
    private(set) var places = SIMD4<Int>.zero
    /// How far apart in each of them neighboring elements of a run are: 0 where one is repeated.
    private(set) var steps = SIMD4<Int>.zero
    /// How many elements a run has.
    private(set) var length = 1
    /// The axes of the large tensor that runs do not go along, and what a step along each of them is in the smaller ones.
    private var outer: [(extent: Int, steps: SIMD4<Int>, index: Int)] = []

    init(_ small: [[Int]], to large: [Int]) {
        var axes = large.map { (extent: $0, steps: SIMD4<Int>.zero, index: 0) }
        for (tensor, shape) in small.enumerated() {
            var stride = 1
            for axis in shape.indices.reversed() {
                axes[axis + large.count - shape.count].steps[tensor] = shape[axis] == 1 ? 0 : stride
                stride *= shape[axis]
            }
        }
        while let axis = axes.last {
            let fits = length == 1 || axis.extent == 1 || axis.steps == steps &* SIMD4(repeating: length)
            guard fits, length == 1 || length * axis.extent <= LossCall.pieceElements else { break }
            if length == 1 { steps = axis.extent == 1 ? steps : axis.steps }
            length *= axis.extent
            axes.removeLast()
        }
        outer = axes
    }

    mutating func advance() {
        for axis in outer.indices.reversed() {
            outer[axis].index += 1
            places &+= outer[axis].steps
            if outer[axis].index < outer[axis].extent { return }
            places &-= outer[axis].steps &* SIMD4(repeating: outer[axis].extent)
            outer[axis].index = 0
        }
    }
}
