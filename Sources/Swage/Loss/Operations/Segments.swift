extension LossOperation {
    /// Operations within each sequence of `[batch, sequence]`, also where several share a row.
    static let segments: [LossOperation] = [
        withinSegments("segmentSum", torch: "segment_sum({0}, segment_ids)") { lane, _ in
            let sum = lane.reduce(0, +)
            return lane.map { _ in sum }
        } derivative: {
            $0.make("segmentSum", $0.gradient)
        },
        withinSegments("segmentCumulativeSum", torch: "segment_cumulative_sum({0}, segment_ids, {reverse})") { lane, attributes in
            running(lane, reverse: attributes.reverse ?? false)
        } derivative: {
            $0.make(
                "segmentCumulativeSum", $0.gradient, attributes: .init(reverse: !($0.attributes.reverse ?? false)))
        },
    ]

    private static func withinSegments(
        _ name: String, torch: String, _ function: @escaping @Sendable ([Double], LossAttributes) -> [Double],
        derivative: @escaping @Sendable (LossAdjoint) -> Int?
    ) -> LossOperation {
        LossOperation(name, arity: 1, torch: torch, mixesPositions: { _ in true }) { operands, _ in
            guard operands[0] == .perToken else {
                throw LossShapeError("\(operands[0]) is not \(LossShape.perToken), in which sequences are told apart")
            }
            return .perToken
        } evaluate: { operands, call in
            try operands[0].mappingLanes(
                call, along: 1, extent: nil,
                row: { row, lane in
                    let columns = lane.count
                    var result: [Double] = []
                    var begin = 0
                    for end in 1...max(columns, 1) where end <= columns {
                        let ids = call.segmentIDs.map { ($0.scalars[row * columns + begin], $0.scalars[row * columns + min(end, columns - 1)]) }
                        guard end == columns || ids.map({ $0 != $1 }) == true else { continue }
                        result += function(Array(lane[begin..<end]), call.attributes)
                        begin = end
                    }
                    return result
                })
        } derivative: {
            [derivative($0)]
        }
    }
}
