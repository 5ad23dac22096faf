import Swage

extension LossCase {
    /// Programs in which every operation comes in, and what is neither finite nor smooth.
    static let all = [elementwise, arithmetic, questions, axes, shapes, places, metrics, flat]

    private static let elementwise = LossCase("elementwise") { operands in
        let (x, y, root, large) = (operands.x, operands.y, exp(operands.x / 2), operands.large)
        return [
            -x, root, log(root + 1), sqrt(root), tanh(x), sigmoid(x), softplus(x), relu(x), abs(x), sign(x) * y,
            x * y.using("stopGradient", []), pow(root, 1.5), pow(x, 3), pow(x, 0) * y,
            sigmoid(large), softplus(large), tanh(large),
        ]
    }

    private static let arithmetic = LossCase("arithmetic") { operands in
        let (x, y) = (operands.x, operands.y)
        return [
            x + y, x - y.sum(axis: 0), x * y, x * y.sum(axis: 1, keepingAxis: true), x / (y + 2), maximum(x, y), 3 * minimum(x, y), clip(x, -1...1),
        ]
    }

    private static let questions = LossCase("questions and choices") { operands in
        let (x, y, nan) = (operands.x, operands.y, log(operands.still))
        let answers = [
            x .< y, x .<= y, x .> y, x .>= y, x .== y, x .!= y, and(x, y), or(x, y), not(y),
            nan .< y, nan .<= y, nan .> y, nan .>= y, nan .== y, nan .!= y, and(nan, y), or(nan, y), not(nan),
        ]
        return answers.map { $0 * x } + [select(x .> 0, y, x.sum(axis: 1, keepingAxis: true)), select(x, y, 10 * x), select(nan .== nan, y, 5 * x)]
    }

    private static let axes = LossCase("along axes and sequences") { operands in
        let (x, y, large) = (operands.x, operands.y, operands.large)
        return [
            x.sum(axis: 0), x.max(axis: 0), y.max(axis: 1), x.min(axis: 0), y.min(axis: 1), x.logSumExp(axis: 0), x.logSumExp(axis: 1, keepingAxis: true),
            x.softmax(axis: 0), y.softmax(axis: 1), x.logSoftmax(axis: 0), x.cumulativeSum(axis: 0), x.cumulativeSum(axis: 1, reverse: true),
            y.cumulativeSum(axis: 0, reverse: true), x.mean(axis: 1), x.segmentSum(), y.segmentCumulativeSum(), x.segmentCumulativeSum(reverse: true),
            large.logSumExp(axis: 1), large.softmax(axis: 0), large.logSoftmax(axis: 1),
        ]
    }

    private static let shapes = LossCase("shapes") { operands in
        let (x, y) = (operands.x, operands.y)
        let (split, wide) = (x.using("splitPairs", []), x.insertingAxis(2).broadcast(to: [.batch, .sequence, .fixed(5)]))
        return [
            wide, wide.using("sumTo", [], .init(shape: [.fixed(1), .sequence, .fixed(1)])), x.insertingAxis(1),
            x.sum(axis: 0, keepingAxis: true).using("removeAxis", [], .init(axis: 0)), y.transposed, split, split.take(1, axis: 1),
            (split * operands.field(split.shape)).using("joinPairs", []), y.using("place", [], .init(axis: 1, index: 1, shape: [.fixed(3)])),
        ]
    }

    private static let places = LossCase("places and products") { operands in
        let wide = operands.x.insertingAxis(2) * operands.field([.fixed(5)])
        let (picked, narrow) = (wide.gather(operands.ids), operands.y.insertingAxis(2) * operands.field([.fixed(2)]))
        let three = narrow.sum(axis: 2, keepingAxis: true) * operands.field([.fixed(3)])
        return [
            select(picked .== picked, picked, 7), three.using("scatter", [operands.ids], .init(shape: [.fixed(5)])),
            wide.matmul(operands.field([.fixed(5), .fixed(2)])), wide.using("outer", [narrow]),
        ]
    }

    private static let metrics = LossCase("metrics") { operands in
        [operands.x * operands.y]
    } reporting: { operands, value in
        let (x, y) = (operands.x, operands.y)
        return
            value
            .reporting("count", (x .> y).sum())
            .reporting("largest", maximum: (x * y).max(axis: 1).max(axis: 0))
            .reporting("mean", .mean(of: x + y, over: operands.mask))
            .reporting("geometric mean", exponentialOf: .mean(of: x / 4, over: y))
    }

    /// What only operations without a gradient read has the gradient 0.
    private static let flat = LossCase("no gradient") { [$0.x .> $0.y, sign($0.x)] }
}
