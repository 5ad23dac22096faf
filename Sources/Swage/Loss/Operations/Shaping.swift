extension LossOperation {
    /// Operations that move elements about, or repeat them, or sum what was repeated.
    static let shaping: [LossOperation] = [
        LossOperation("broadcastTo", arity: 1, torch: "{0}.expand({shape})") { operands, attributes in
            guard let shape = attributes.shape, (try? .broadcast(operands[0], shape)) == shape else {
                throw LossShapeError("\(operands[0]) cannot be repeated to \(attributes.shape ?? [])")
            }
            return shape
        } evaluate: { operands, call in
            try operands[0].broadcast(call)
        } derivative: {
            [$0.make("sumTo", $0.gradient, attributes: .init(shape: $0.shape($0.operands[0])))]
        },
        LossOperation("sumTo", arity: 1, torch: "{0}.sum_to_size({shape})") { operands, attributes in
            guard let shape = attributes.shape, (try? .broadcast(operands[0], shape)) == operands[0] else {
                throw LossShapeError("\(operands[0]) cannot be summed to \(attributes.shape ?? [])")
            }
            return shape
        } evaluate: { operands, call in
            try operands[0].summed(call)
        } derivative: {
            [$0.expanded($0.gradient, to: $0.operands[0])]
        },
        LossOperation("insertAxis", arity: 1, torch: "{0}.unsqueeze({axis})") { operands, attributes in
            guard let axis = attributes.axis, (0...operands[0].count).contains(axis) else {
                throw LossShapeError("\(operands[0]) has no place for an axis there")
            }
            return Array(operands[0][..<axis]) + [.fixed(1)] + operands[0][axis...]
        } evaluate: { operands, call in
            Tensor(unchecked: operands[0].scalars, shape: call.shape)
        } derivative: {
            [$0.make("removeAxis", $0.gradient, attributes: .init(axis: $0.attributes.axis))]
        },
        LossOperation("removeAxis", arity: 1, torch: "{0}.squeeze({axis})") { operands, attributes in
            let axis = try checkedAxis(operands[0], attributes)
            guard operands[0][axis] == .fixed(1) else {
                throw LossShapeError("axis \(axis) of \(operands[0]) is not 1 and cannot be removed")
            }
            return operands[0].replacing(axis, with: nil)
        } evaluate: { operands, call in
            Tensor(unchecked: operands[0].scalars, shape: call.shape)
        } derivative: {
            [$0.make("insertAxis", $0.gradient, attributes: .init(axis: $0.attributes.axis))]
        },
        LossOperation("transpose", arity: 1, torch: "{0}.transpose(-1, -2)", mixesPositions: { _ in true }) { operands, _ in
            guard operands[0].count >= 2 else { throw LossShapeError("\(operands[0]) has no two axes to exchange") }
            return Array(operands[0].dropLast(2)) + operands[0].suffix(2).reversed()
        } evaluate: { operands, call in
            try operands[0].transposed(call)
        } derivative: {
            [$0.make("transpose", $0.gradient)]
        },
        LossOperation("splitPairs", arity: 1, torch: "{0}.unflatten(0, (-1, 2))", mixesPositions: { _ in true }) { operands, _ in
            guard operands[0].first == .batch else { throw LossShapeError("\(operands[0]) does not begin with batch") }
            return [.pairs, .fixed(2)] + operands[0].dropFirst()
        } evaluate: { operands, call in
            Tensor(unchecked: operands[0].scalars, shape: call.shape)
        } derivative: {
            [$0.make("joinPairs", $0.gradient)]
        },
        LossOperation("joinPairs", arity: 1, torch: "{0}.flatten(0, 1)", mixesPositions: { _ in true }) { operands, _ in
            guard operands[0].starts(with: [.pairs, .fixed(2)]) else {
                throw LossShapeError("\(operands[0]) does not begin with pairs of 2")
            }
            return [.batch] + operands[0].dropFirst(2)
        } evaluate: { operands, call in
            Tensor(unchecked: operands[0].scalars, shape: call.shape)
        } derivative: {
            [$0.make("splitPairs", $0.gradient)]
        },
    ]
}
