extension LossOperation {
    /// Operations that take elements by number, or put them there.
    static let indexing: [LossOperation] = [
        LossOperation("gather", arity: 2, torch: "gather({0}, {1})") { operands, _ in
            let (values, ids) = (operands[0], operands[1])
            guard let last = ids.last, values.count == ids.count, values.dropLast() == ids.dropLast() else {
                throw LossShapeError("\(ids) does not pick from \(values)")
            }
            return values.replacing(values.count - 1, with: last)
        } evaluate: { operands, call in
            let (from, to) = (operands[0].shape.last!, call.shape.last!)
            let (values, ids) = (operands[0].scalars, operands[1].scalars)
            return try .generating(call) { place in
                // NaN is loud: the loss is refused instead of learning from another token.
                index(ids[place], below: from).map { values[place / to * from + $0] } ?? .nan
            }
        } derivative: {
            let last = $0.shape($0.operands[0]).last!
            return [$0.make("scatter", $0.gradient, $0.operands[1], attributes: .init(shape: [last])), nil]
        },
        LossOperation("scatter", arity: 2, torch: "scatter_add({0}, {1}, {shape})") { operands, attributes in
            guard operands[0] == operands[1], !operands[0].isEmpty, let last = attributes.shape?.first else {
                throw LossShapeError("\(operands[0]) cannot be put where \(operands[1]) says")
            }
            return operands[0].replacing(operands[0].count - 1, with: last)
        } evaluate: { operands, call in
            let (from, to) = (operands[0].shape.last!, call.shape.last!)
            var result = [Double](repeating: 0, count: call.shape.reduce(1, *))
            for (place, id) in operands[1].scalars.enumerated() {
                if place % LossCall.pieceElements == 0 { try call.checkpoint() }
                guard let index = index(id, below: to) else { continue }
                result[place / from * to + index] += operands[0].scalars[place]
            }
            return Tensor(unchecked: result, shape: call.shape)
        } derivative: {
            [$0.taken($0.gradient, at: $0.operands[1]), nil]
        },
        LossOperation(
            "take", arity: 1, torch: "{0}.select({axis}, {index})", mixesPositions: { $0.axis.map { $0 < 2 } ?? true }
        ) { operands, attributes in
            let axis = try checkedAxis(operands[0], attributes)
            guard case .fixed(let extent) = operands[0][axis], let index = attributes.index, (0..<extent).contains(index) else {
                throw LossShapeError("axis \(axis) of \(operands[0]) has no element \(attributes.index ?? -1)")
            }
            return operands[0].replacing(axis, with: nil)
        } evaluate: { operands, call in
            let lanes = try operands[0].mappingLanes(call, extent: 1) { [$0[call.attributes.index!]] }
            return Tensor(unchecked: lanes.scalars, shape: call.shape)
        } derivative: {
            let extent = $0.shape($0.operands[0])[$0.attributes.axis!]
            let back = LossAttributes(axis: $0.attributes.axis, index: $0.attributes.index, shape: [extent])
            return [$0.make("place", $0.gradient, attributes: back)]
        },
        LossOperation(
            "place", arity: 1, torch: "place({0}, {axis}, {index}, {shape})", mixesPositions: { $0.axis.map { $0 < 2 } ?? true }
        ) { operands, attributes in
            guard let axis = attributes.axis, (0...operands[0].count).contains(axis),
                case .fixed(let extent)? = attributes.shape?.first, let index = attributes.index, (0..<extent).contains(index)
            else { throw LossShapeError("\(operands[0]) cannot be placed there") }
            return Array(operands[0][..<axis]) + [.fixed(extent)] + operands[0][axis...]
        } evaluate: { operands, call in
            var shape = call.shape
            shape[call.attributes.axis!] = 1
            let extent = call.shape[call.attributes.axis!]
            return try Tensor(unchecked: operands[0].scalars, shape: shape)
                .mappingLanes(call, extent: extent) { lane in
                    (0..<extent).map { $0 == call.attributes.index! ? lane[0] : 0 }
                }
        } derivative: {
            [$0.make("take", $0.gradient, attributes: .init(axis: $0.attributes.axis, index: $0.attributes.index))]
        },
    ]

    /// Ids come as numbers; nil for one that is no index.
    private static func index(_ id: Double, below limit: Int) -> Int? {
        id >= 0 && id < Double(limit) ? Int(id) : nil
    }
}

extension LossAdjoint {
    /// The elements that ids name, and 0 for ids that are no index, which scattering passes over.
    fileprivate func taken(_ values: Int, at ids: Int) -> Int {
        let length = make("size", values, attributes: .init(axis: shape(values).count - 1))
        let isIndex = make("and", make("greaterOrEqual", ids, constant(0)), make("less", ids, length))
        return make("select", isIndex, make("gather", values, ids), constant(0))
    }
}
