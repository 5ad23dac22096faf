extension LossOperation {
    /// Operations along one axis. Those that reduce it leave an axis of 1.
    static let reductions: [LossOperation] = [
        along("sum", torch: "{0}.sum({axis}, keepdim=True)", reduces: true) { lane in
            [lane.reduce(0, +)]
        } derivative: {
            $0.expanded($0.gradient, to: $0.operands[0])
        },
        along("max", torch: "{0}.amax({axis}, keepdim=True)", reduces: true) { lane in
            [lane.reduce(-.infinity) { $1 > $0 || $1.isNaN ? $1 : $0 }]
        } derivative: {
            amongEquals($0)
        },
        along("min", torch: "{0}.amin({axis}, keepdim=True)", reduces: true) { lane in
            [lane.reduce(.infinity) { $1 < $0 || $1.isNaN ? $1 : $0 }]
        } derivative: {
            amongEquals($0)
        },
        along("logSumExp", torch: "torch.logsumexp({0}, {axis}, keepdim=True)", reduces: true) { lane in
            [logSumExp(lane)]
        } derivative: {
            let weights = $0.make("exp", $0.make("subtract", $0.operands[0], $0.node))
            return $0.make("multiply", $0.gradient, weights)
        },
        along("softmax", torch: "torch.softmax({0}, {axis})", reduces: false) { lane in
            let total = logSumExp(lane)
            return lane.map { exponential($0 - total) }
        } derivative: {
            let weighted = $0.make("multiply", $0.gradient, $0.node)
            let mean = $0.make("sum", weighted, attributes: .init(axis: $0.attributes.axis))
            return $0.make("multiply", $0.node, $0.make("subtract", $0.gradient, mean))
        },
        along("logSoftmax", torch: "torch.log_softmax({0}, {axis})", reduces: false) { lane in
            let total = logSumExp(lane)
            return lane.map { $0 - total }
        } derivative: {
            let total = $0.make("sum", $0.gradient, attributes: .init(axis: $0.attributes.axis))
            return $0.make("subtract", $0.gradient, $0.make("multiply", $0.make("exp", $0.node), total))
        },
        LossOperation(
            "cumulativeSum", arity: 1, torch: "cumulative_sum({0}, {axis}, {reverse})",
            mixesPositions: { $0.axis.map { $0 < 2 } ?? true }
        ) { operands, attributes in
            _ = try checkedAxis(operands[0], attributes)
            return operands[0]
        } evaluate: { operands, call in
            try operands[0].mappingLanes(call, extent: nil) { lane in
                running(lane, reverse: call.attributes.reverse ?? false)
            }
        } derivative: {
            let back = LossAttributes(axis: $0.attributes.axis, reverse: !($0.attributes.reverse ?? false))
            return [$0.make("cumulativeSum", $0.gradient, attributes: back)]
        },
        LossOperation("size", arity: 1, torch: "{0}.shape[{axis}]", mixesPositions: { _ in true }) { operands, attributes in
            _ = try checkedAxis(operands[0], attributes)
            return []
        } evaluate: { operands, call in
            Tensor(unchecked: [Double(operands[0].shape[call.attributes.axis!])], shape: [])
        } derivative: { _ in
            [nil]
        },
    ]

    static func checkedAxis(_ shape: LossShape, _ attributes: LossAttributes) throws -> Int {
        guard let axis = attributes.axis, shape.indices.contains(axis) else {
            throw LossShapeError("\(shape) has no axis \(attributes.axis.map(String.init) ?? "that was named")")
        }
        return axis
    }

    static func running(_ lane: [Double], reverse: Bool) -> [Double] {
        var sum = 0.0
        let sums = (reverse ? lane.reversed() : lane).map { value in
            sum += value
            return sum
        }
        return reverse ? sums.reversed() : sums
    }

    private static func along(
        _ name: String, torch: String, reduces: Bool, _ function: @escaping @Sendable ([Double]) -> [Double],
        derivative: @escaping @Sendable (LossAdjoint) -> Int?
    ) -> LossOperation {
        LossOperation(
            name, arity: 1, torch: torch, mixesPositions: { $0.axis.map { $0 < 2 } ?? true }
        ) { operands, attributes in
            let axis = try checkedAxis(operands[0], attributes)
            return reduces ? operands[0].replacing(axis, with: .fixed(1)) : operands[0]
        } evaluate: { operands, call in
            try operands[0].mappingLanes(call, extent: reduces ? 1 : nil, function)
        } derivative: {
            [derivative($0)]
        }
    }

    /// The gradient of an extreme goes in equal parts to all elements that reach it, as in torch.
    private static func amongEquals(_ adjoint: LossAdjoint) -> Int {
        let reached = adjoint.make("equal", adjoint.operands[0], adjoint.node)
        let count = adjoint.make("sum", reached, attributes: .init(axis: adjoint.attributes.axis))
        return adjoint.make("multiply", adjoint.gradient, adjoint.make("divide", reached, count))
    }

    private static func logSumExp(_ lane: [Double]) -> Double {
        let top = lane.max() ?? -.infinity
        guard top.isFinite else { return lane.first { $0.isNaN } ?? top }
        return top + logarithm(lane.reduce(0) { $0 + exponential($1 - top) })
    }
}
