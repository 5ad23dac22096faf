import Swage

/// What is neither finite nor smooth.
///
/// NaN and infinities are seen without a sum that is refused: through a question, or behind a choice.
extension LossVectors {
    private static let signs: [Double] = [-1, 0, 1, 0.5, 2, -2, 4, 0, -0.5, 3, 1, -3]
    private static let few: [Double] = [1, 0, 0, 1, 2, 0, 0, 1, 0, 2, 1, 1]

    static var edges: [LossVector] {
        var rows: [LossVector] = []
        /// A value of `x`, the log-probabilities, and `y`, the entropies, `[batch, sequence]` both.
        func edge(
            _ name: String, x: [Double] = signs, y: [Double] = few, ids: [Double]? = nil, hasSegmentIDs: Bool = true,
            _ body: (_ x: LossExpression, _ y: LossExpression, _ batch: LossBatch) -> LossExpression
        ) {
            let vector = LossVector(
                name,
                changing: { environment in
                    environment.outputs[.logProbs] = Tensor(unchecked: x, shape: [4, 3])
                    if environment.outputs[.entropy] != nil {
                        environment.outputs[.entropy] = Tensor(unchecked: y, shape: [4, 3])
                    }
                    if let ids { environment.fields["ids"] = Tensor(unchecked: ids, shape: [4, ids.count / 4]) }
                    if !hasSegmentIDs { environment.segmentIDs = nil }
                },
                { outputs, batch in body(outputs.logProbs, outputs.entropy, batch) })
            rows.append(vector)
        }

        edge("log of 0 and less") { x, _, _ in visible(log(x)) }
        edge("log of less than 0, not taken") { x, y, _ in select(x .!= 0, select(x .< 0, x, log(x)), y) }
        edge("sqrt of 0 and less") { x, _, _ in visible(sqrt(x)) }
        edge("sqrt of 0 and less, not taken") { x, _, _ in select(x .> 0, sqrt(x), 0 * x) }
        edge("divide by 0") { x, y, _ in visible(x / y) }
        edge("power 0 and 3 of 0 and less") { x, _, _ in coded([pow(x, 0), pow(x, 3)]) }
        edge("power 0.5 of 0 and less") { x, _, _ in visible(pow(x, 0.5)) }
        edge("power -1 of 0") { x, _, _ in visible(pow(x, -1)) }
        edge("sigmoid, softplus and tanh of large numbers") { x, _, _ in
            let large = x * 1000
            return coded([sigmoid(large), softplus(large), tanh(large)])
        }
        for name in ["logSumExp", "softmax", "logSoftmax"] {
            edge("\(name) of large numbers") { x, _, _ in (x * 1000).using(name, [], .init(axis: 1)) }
            edge("\(name) of infinities", x: [0, 0, 0, 0, 1, 2, 0, -1, 1, 1, 2, 4]) { x, _, _ in
                visible(log(x).using(name, [], .init(axis: 1)))
            }
        }
        edge("logSumExp with infinity", x: [0, 0, 0, 0, 1, 2, 2, 1, 1, 1, 2, 4]) { x, _, _ in
            visible((-log(x)).logSumExp(axis: 1, keepingAxis: true))
        }

        edge("maximum and minimum of equal numbers") { x, y, _ in maximum(x, y) + 3 * minimum(x, y) }
        edge("max and min of equal elements") { _, y, _ in y.max(axis: 1) + 3 * y.min(axis: 1) }
        edge("abs, relu and sign at 0") { x, _, _ in coded([abs(x), relu(x), sign(x)]) }
        edge("clip at its bounds") { x, _, _ in clip(x, -1...1) }

        edge("NaN in maximum and minimum") { x, y, _ in
            let nan = log(x)
            return coded([maximum(nan, y), maximum(y, nan), minimum(nan, y), minimum(y, nan)].map(isNumber))
        }
        edge("NaN in max and min", x: [-1, 1, 2, 1, 2, 4, 1, 2, -1, 4, 1, 1]) { x, _, _ in
            visible(log(x).max(axis: 1)) + visible(log(x).min(axis: 1))
        }
        edge("NaN in comparisons") { x, y, _ in
            let nan = log(x)
            return coded([nan .< y, nan .<= y, nan .> y, nan .>= y, nan .== y, nan .!= y])
        }
        edge("NaN in and, or, not") { x, y, _ in
            let nan = log(x)
            return coded([and(nan, y), and(y, nan), or(nan, y), or(y, nan), not(nan)])
        }
        edge("NaN in sign, relu, abs, softmax") { x, _, _ in
            let nan = log(x)
            return coded([sign(nan), relu(nan), abs(nan), nan.softmax(axis: 1)].map(isNumber))
        }
        edge("select by NaN and by less than 0") { x, y, _ in select(log(x), x + y, 10 * x) }

        let ids: [Double] = [0, 1.9, 2.5, 2.999, 3, -1, -0.5, .nan, 0.999, 2, 1e6, -1e6, 1, 1, 0, 2]
        edge("gather by ids that are no index", ids: ids) { x, _, batch in
            visible(x.gather(batch["ids", [.batch, .fixed(4)]]))
        }
        edge("scatter by ids that are no index", ids: Array(ids[..<9]) + [1, 1, 2]) { x, _, batch in
            x.using("scatter", [batch["ids"]], .init(shape: [.fixed(3)]))
        }

        edge("cumulativeSum forwards") { x, y, _ in
            x.using("cumulativeSum", [], .init(axis: 1)) * y.cumulativeSum(axis: 0, reverse: false)
        }
        edge("segmentCumulativeSum forwards") { x, _, _ in x.using("segmentCumulativeSum", []) }
        edge("segments without ids", hasSegmentIDs: false) { x, _, _ in
            x.segmentSum() + 10 * x.using("segmentCumulativeSum", [])
        }
        edge("axes at the end") { x, y, _ in
            x.using("place", [], .init(axis: 2, index: 0, shape: [.fixed(2)])) * y.insertingAxis(2)
        }
        edge("sumTo and broadcastTo of a scalar") { x, _, _ in
            x.using("sumTo", [], .init(shape: [])).broadcast(to: [.sequence])
        }
        edge("matmul and outer of one axis") { x, y, _ in
            x.sum(axis: 0).matmul(y.transposed) + x.sum(axis: 0).using("outer", [y.sum(axis: 1)])
        }
        return rows
    }

    /// 1 where a value is a number, and 0 where it is NaN.
    private static func isNumber(_ x: LossExpression) -> LossExpression { x .== x }

    /// A value that is always finite: 7 for NaN, and 9 for infinity.
    private static func visible(_ x: LossExpression) -> LossExpression {
        let bounded = clip(x, -9...9)
        return select(isNumber(x), bounded, 7 + 0 * isNumber(x))
    }

    /// Several values in one, so that a difference in any of them shows: the first, twice the second, 4 times the third, …
    private static func coded(_ values: [LossExpression]) -> LossExpression {
        values.dropFirst().enumerated().reduce(values[0]) { sum, next in
            sum + Double(2 << next.offset) * next.element
        }
    }
}
