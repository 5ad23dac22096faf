import Swage

extension Conformance {
    /// 9. Two engines given the same weights, batch and loss agree.
    func checkEnginesAgree() async throws {
        let trainer = try await trainer("engine")
        switch subject.reference {
        case .values(let steps):
            try await checkValues(trainer, steps)
            try await checkProgramAgreesWithWeights()
        case .trainer(let make): try await checkAgreement(trainer, try await make("\(subject.workspace)/reference"))
        }
        try await checkOptimizerOfOneStep()
        try await checkPrograms()
    }

    private func checkValues(_ trainer: any Trainer, _ steps: [ReferenceStep]) async throws {
        for (number, step) in steps.enumerated() {
            let name = "of step \(number + 1) of the reference values"
            let found = try await trainer.forward(ForwardInputs(logProbsOf: step.batch)).logProbs?.scalars ?? []
            try expectClose(found, step.logProbs.scalars, "log-probabilities \(name)")
            try expectClose([Float(try await trainer.forwardBackward(step.batch).loss)], [Float(step.loss)], "loss \(name)")
            try expectClose([Float(try await trainer.optimStep().gradientNorm)], [Float(step.gradientNorm)], "gradient norm \(name)")
        }
    }

    private func checkAgreement(_ trainer: any Trainer, _ reference: any Trainer) async throws {
        let abilities = [try await trainer.config().capabilities, try await reference.config().capabilities]
        if abilities[0].adapters, !abilities[1].adapters { return try await checkAdaptersAgree(trainer, reference) }
        var probe = probe(9)
        let (found, expected) = (try await fingerprint(trainer), try await fingerprint(reference))
        try expectClose(found, expected, "log-probabilities")
        // Three digits of a number are not those of float32 eighteen times.
        try expect(
            Self.slack(of: abilities[0].dtype) == 1 || Difference(found, expected).size > 1e-6,
            "capabilities say that it computes in \(abilities[0].dtype ?? ""), and its log-probabilities are those of float32")
        // Long rows for those who look back a little way only, steps enough to see what an optimizer remembers, and of these one whose
        // gradients are clipped and one whose are not: AdamW does not see a factor that all have. Weights of few bits lose a part of every step: the first is what can be compared.
        let isCoarse = Self.slack(of: subject.dtype) > 1
        var tolerance = 1e-4
        for (step, wanted) in zip(1..., isCoarse ? [8] : [8, 1, 48, 8, 8, 8]) {
            let columns = try await columns(wanted, trainer)
            var batch = try probe.batch(rows: 3, columns: columns)
            if let weight: Float = [2: 50, 4: 0.01][step] { batch.targetWeights = Tensor(repeating: weight, shape: batch.inputIDs.shape) }
            let results = [try await trainer.forwardBackward(batch), try await reference.forwardBackward(batch)]
            try expectClose([Float(results[0].loss)], [Float(results[1].loss)], "loss of step \(step)", tolerance: tolerance)
            try expectSameMetrics(results, "step \(step)", tolerance)
            let steps = [try await trainer.optimStep(), try await reference.optimStep()]
            try expectClose(
                [Float(steps[0].gradientNorm)], [Float(steps[1].gradientNorm)],
                "gradient norm of step \(step), with the optimizer's options that both were to be started with", tolerance: tolerance)
            try expectClose([Float(steps[0].learningRate)], [Float(steps[1].learningRate)], "learning rate of step \(step)")
            try expect(steps[0].step == step, "the answer to optimStep \(step) says step \(steps[0].step)")
            try await expectStatus(trainer, TrainerStatus(step: step, accumulatedMicrobatches: 0), "after optimStep \(step)")
            tolerance = max(tolerance, Self.tolerance(afterStepsAt: steps[1].learningRate))
        }
        try expectClose(
            try await fingerprint(trainer), try await fingerprint(reference), "log-probabilities after the steps",
            tolerance: isCoarse ? 10 * tolerance : tolerance)
        if isCoarse { return }
        if abilities.allSatisfy(\.optimizerPerStep) { try await checkOptimizersAgree(trainer, reference, tolerance) }
        try await checkOutputsAgree(trainer, reference, abilities[0].outputs.intersection(abilities[1].outputs), tolerance)
        for loss in Self.programs where abilities.allSatisfy({ $0.lack(for: loss) == nil }) {
            try await checkStepsAgree(trainer, reference, loss, tolerance)
        }
    }

    /// Of adapters beside weights that a reference learns: the same values, and gradients that are not those of the weights.
    private func checkAdaptersAgree(_ trainer: any Trainer, _ reference: any Trainer) async throws {
        var probe = probe(9)
        try expectClose(try await fingerprint(trainer), try await fingerprint(reference), "log-probabilities")
        let batch = try probe.batch(rows: 3, columns: try await columns(8, trainer))
        let results = [try await trainer.forwardBackward(batch), try await reference.forwardBackward(batch)]
        try expectClose([Float(results[0].loss)], [Float(results[1].loss)], "loss of step 1")
        try expectSameMetrics(results, "step 1", 1e-4)
        let norms = [try await trainer.optimStep().gradientNorm, try await reference.optimStep().gradientNorm]
        try expect(
            abs(norms[0] - norms[1]) > 1e-4 * norms[1],
            "capabilities say that adapters are learned, and the gradients are those of all weights, which the reference learns")
    }

    /// What is close enough once a weight may have moved: AdamW moves one whose gradient is nothing but rounding as far as any other,
    /// by the whole rate, and no two engines round alike.
    private static func tolerance(afterStepsAt rate: Double) -> Double { 1e-4 * max(1, rate / 1e-3) }

    /// What both report comes to the same.
    private func expectSameMetrics(_ results: [ForwardBackwardResult], _ what: String, _ tolerance: Double) throws {
        for (name, metric) in results[1].metrics {
            guard let found = results[0].metrics[name] else { continue }
            try expectClose([Float(found.value)], [Float(metric.value)], "metric \"\(name)\" of \(what)", tolerance: tolerance)
        }
    }

    /// What `forward` gives of the outputs that both have.
    private func checkOutputsAgree(
        _ trainer: any Trainer, _ reference: any Trainer, _ outputs: Set<ModelOutput>, _ tolerance: Double
    ) async throws {
        var probe = probe(10)
        var inputs = ForwardInputs(inputIDs: try probe.tokens([2, 5]), outputs: outputs.intersection([.logits, .entropy, .hiddenStates]))
        guard !inputs.outputs.isEmpty else { return }
        let (found, expected) = (try await trainer.forward(inputs), try await reference.forward(inputs))
        try expectClose(found.hiddenStates?.scalars ?? [], expected.hiddenStates?.scalars ?? [], "hidden states", tolerance: tolerance)
        // A head can take more than anybody sends.
        let width = expected.hiddenStates?.shape[2] ?? .max
        if outputs.contains(.outputHead), width <= Self.mostHeadElements / subject.vocabularySize {
            inputs.outputs = [.outputHead]
            let heads = [try await trainer.forward(inputs).outputHead, try await reference.forward(inputs).outputHead]
            try expectClose(heads[0]?.scalars ?? [], heads[1]?.scalars ?? [], "output head", tolerance: tolerance)
        }
        try expectClose(found.logits?.scalars ?? [], expected.logits?.scalars ?? [], "logits", tolerance: tolerance)
        try expectClose(found.entropy?.scalars ?? [], expected.entropy?.scalars ?? [], "entropy", tolerance: tolerance)
    }

    private static let mostHeadElements = 1 << 25

    /// Losses of a caller's own, whose gradients no engine has by heart.
    static let programs = [
        LossFunction("squared-log-probs") { outputs, batch in
            .mean(of: square(outputs.logProbs) * batch.targetWeights, over: batch.targetMask)
        },
        LossFunction("entropy-and-logits") { outputs, batch in
            let top = outputs.logits.logSumExp(axis: -1)
            return .mean(of: 0.1 * square(top) - outputs.entropy, over: batch.targetMask)
        },
        LossFunction("clipped-policy") { outputs, batch in
            let ratio = exp(outputs.logProbs - batch["old"] + 0.1 * batch["advantages"])
            let gain = minimum(ratio * batch["advantages"], clip(ratio, 0.9...1.1) * batch["advantages"])
            let rows = (batch.targetMask * 0 + 1).sum() * 2
            return LossValue(sum: -(gain * batch.targetMask).sum(), denominator: rows)
                .reporting("clipped", .mean(of: ratio.isOutside(0.9...1.1), over: batch.targetMask))
        },
        LossFunction("output-head") { outputs, batch in
            let seen = outputs.outputHead.matmul(batch["direction", [.hidden, .fixed(1)]])
            return .mean(of: square(seen).sum() - outputs.logProbs, over: batch.targetMask)
        },
        // It gives the output head no gradient.
        LossFunction("hidden-states") { outputs, batch in
            .mean(of: square(outputs.hiddenStates).sum(axis: -1), over: batch.targetMask)
        },
    ]

    /// A program's gradient is that of cross entropy whose weights are the program's slopes: what a trainer says of itself,
    /// with no other beside it.
    private func checkProgramAgreesWithWeights() async throws {
        let squares = Self.programs[0]
        guard try await trainer("slopes").config().capabilities.lack(for: squares) == nil else { return }
        var probe = probe(15)
        let batch = try probe.batch(rows: 2, columns: 6)
        let byProgram = try await trainer("program")
        let logProbs = try await byProgram.forward(ForwardInputs(logProbsOf: batch)).logProbs?.scalars ?? []
        _ = try await byProgram.forwardBackward(batch, loss: squares)
        let found = Float(try await byProgram.optimStep().gradientNorm)
        var weighted = batch
        let weights = batch.targetWeights?.scalars ?? Array(repeating: 1, count: logProbs.count)
        weighted.targetWeights = try Tensor(zip(logProbs, weights).map { -2 * $0 * $1 }, shape: batch.targetIDs.shape)
        let byWeights = try await trainer("weights-of-program")
        _ = try await byWeights.forwardBackward(weighted)
        let expected = Float(try await byWeights.optimStep().gradientNorm)
        try expectClose([found], [expected], "gradient norm of the loss \"\(squares.name)\", beside cross entropy with its slopes as weights")
    }

    /// One step on a loss of the caller's own: the same value, the same length of the gradient, the same direction.
    private func checkStepsAgree(
        _ trainer: any Trainer, _ reference: any Trainer, _ loss: LossFunction, _ tolerance: Double
    ) async throws {
        var probe = probe(11)
        var batch = try probe.batch(rows: 2, columns: 6)
        batch.lossInputs["advantages"] = try probe.batch(rows: 2, columns: 6).targetWeights
        batch.lossInputs["old"] = try await reference.forward(ForwardInputs(logProbsOf: batch)).logProbs
        if loss.reads("direction") {
            let states = try await reference.forward(ForwardInputs(inputIDs: batch.inputIDs, outputs: [.hiddenStates])).hiddenStates
            let width = states?.shape[2] ?? 1
            batch.lossInputs["direction"] = try Tensor((0..<width).map { Float($0 % 7) - 3 }, shape: [width, 1])
        }
        let results = [try await trainer.forwardBackward(batch, loss: loss), try await reference.forwardBackward(batch, loss: loss)]
        try expectClose([Float(results[0].loss)], [Float(results[1].loss)], "the loss \"\(loss.name)\"", tolerance: tolerance)
        try expectClose([Float(results[0].denominator)], [Float(results[1].denominator)], "the denominator of the loss \"\(loss.name)\"")
        try expectSameMetrics(results, "the loss \"\(loss.name)\"", tolerance)
        let steps = [try await trainer.optimStep(), try await reference.optimStep()]
        try expectClose(
            [Float(steps[0].gradientNorm)], [Float(steps[1].gradientNorm)], "gradient norm of the loss \"\(loss.name)\"", tolerance: tolerance)
        try expectClose(
            try await fingerprint(trainer), try await fingerprint(reference), "weights after a step on the loss \"\(loss.name)\"",
            tolerance: 100 * tolerance)
    }
}
