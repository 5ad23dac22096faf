import Swage

extension Conformance {
    /// What a trainer that takes any program makes of those whose values and gradients are known, whatever the model is.
    func checkPrograms() async throws {
        let trainer = try await trainer("programs")
        let abilities = try await trainer.config().capabilities
        let cases = LossCase.all.filter { abilities.lack(for: $0.loss) == nil }
        guard !cases.isEmpty else { return }
        let plain = try batchOfCases()
        let whole = try await gradient(of: cases, plain, trainer, checking: true)
        let length = try await lengthOfGradient(cases, plain)
        // In few bits, sums of many are nearer to each other than each of them.
        let limit = 5e-4 * length * max(1, Self.slack(of: subject.dtype) / 10)
        if whole <= limit { return }
        // Together they are wrong: which of them is?
        for loss in cases {
            let alone = try await gradient(of: [loss], plain, try await self.trainer("program"), checking: false)
            if alone <= limit / 2 { continue }
            throw ConformanceFailure(
                description: "the gradient of the loss \"\(loss.loss.name)\" is not that of cross entropy whose weights are its derivatives by "
                    + "log-probabilities")
        }
        throw ConformanceFailure(
            description: "the gradients of \(cases.count) loss programs, less that of cross entropy with their slopes as weights, have the length "
                + "\(whole), and 0 was expected, of \(length)")
    }

    private func batchOfCases() throws -> TextTrainBatch {
        var probe = probe(21)
        let shape = [LossCase.rows, LossCase.columns]
        return TextTrainBatch(
            inputIDs: try probe.tokens(shape), targetIDs: try probe.tokens(shape), targetMask: try Tensor(LossCase.mask, shape: shape),
            segmentIDs: try Tensor(LossCase.segments, shape: shape))
    }

    /// How long the gradient of the programs is, less that of cross entropy with their slopes as weights, which takes all of it.
    private func gradient(of cases: [LossCase], _ plain: TextTrainBatch, _ trainer: any Trainer, checking: Bool) async throws -> Double {
        var denominator = 0.0
        for loss in cases {
            let result = try await trainer.forwardBackward(loss.batch(plain), loss: loss.loss)
            if checking { try check(result, loss) }
            denominator += result.denominator
        }
        denominator += try await trainer.forwardBackward(plain.weighing(by: cases.slopes)).denominator
        return try await trainer.optimStep().gradientNorm * denominator
    }

    private func lengthOfGradient(_ cases: [LossCase], _ plain: TextTrainBatch) async throws -> Double {
        let trainer = try await trainer("slopes-of-programs")
        let denominator = try await trainer.forwardBackward(plain.weighing(by: cases.slopes)).denominator
        return try await trainer.optimStep().gradientNorm * denominator
    }

    private func check(_ result: ForwardBackwardResult, _ loss: LossCase) throws {
        let (name, expected) = ("the loss \"\(loss.loss.name)\"", loss.expected)
        try expectClose([Float(result.loss)], [Float(expected.loss)], name, tolerance: 1e-5)
        try expectClose([Float(result.denominator)], [Float(expected.denominator)], "the denominator of \(name)", tolerance: 1e-5)
        for (metric, there) in expected.metrics.sorted(by: { $0.key < $1.key }) {
            guard let here = result.metrics[metric] else {
                throw ConformanceFailure(description: "the answer to \(name) has no metric \"\(metric)\", and has \(result.metrics.keys.sorted())")
            }
            // What is known of one microbatch alone has no parts.
            if case .single = here {
                try expectClose([Float(here.value)], [Float(there.value)], "the metric \"\(metric)\" of \(name)", tolerance: 1e-5)
                continue
            }
            try expect(here.parts.kind == there.parts.kind, "the metric \"\(metric)\" of \(name) is \(here), and \(there) was expected")
            try expectClose(here.parts.values, there.parts.values, "the parts of the metric \"\(metric)\" of \(name)", tolerance: 1e-5)
        }
    }
}

extension [LossCase] {
    /// The derivative of all sums together by each log-probability.
    fileprivate var slopes: [Double] {
        reduce([Double](repeating: 0, count: LossCase.mask.count)) { sum, loss in zip(sum, loss.slopes).map { $0 + $1 } }
    }
}

extension TextTrainBatch {
    fileprivate func weighing(by weights: [Double]) throws -> TextTrainBatch {
        var copy = self
        copy.targetWeights = try Tensor(weights.map { Float($0) }, shape: inputIDs.shape)
        return copy
    }
}

extension Metric {
    /// What it is told by.
    fileprivate var parts: (kind: String, values: [Float]) {
        switch self {
        case .mean(let sum, let over): ("mean", [Float(sum), Float(over)])
        case .exponentialMean(let sum, let over): ("exponentialMean", [Float(sum), Float(over)])
        case .sum(let value): ("sum", [Float(value)])
        case .maximum(let value): ("maximum", [Float(value)])
        case .single(let value): ("single", [Float(value)])
        }
    }
}
