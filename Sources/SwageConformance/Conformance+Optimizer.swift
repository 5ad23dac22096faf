import Swage

extension Conformance {
    /// Options of one step are those of that step alone, or refused.
    func checkOptimizerOfOneStep() async throws {
        var probe = probe(19)
        let batch = try probe.batch(rows: 2, columns: 6)
        let trainer = try await trainer("optimizer")
        let before = try await fingerprint(trainer)
        _ = try await trainer.forwardBackward(batch)
        let isTaken = try await trainer.config().capabilities.optimizerPerStep
        let refused = OptimizerOptions(learningRate: isTaken ? -1 : 0)
        let what = isTaken ? "a step at the learning rate -1" : "a step with options, which capabilities say are not taken"
        try await expectError([isTaken ? .invalidOption : .unsupported], what) { _ = try await trainer.optimStep(refused) }
        try await expectStatus(trainer, TrainerStatus(step: 0, accumulatedMicrobatches: 1), "after \(what)")
        guard isTaken else { return }

        let still = try await trainer.optimStep(OptimizerOptions(learningRate: 0))
        try expect(still.step == 1 && still.learningRate == 0, "a step at the learning rate 0 says step \(still.step), rate \(still.learningRate)")
        try expectSame(try await fingerprint(trainer), before, "weights after a step at the learning rate 0")
        _ = try await trainer.forwardBackward(batch)
        let next = try await trainer.optimStep().learningRate
        let moved = try await fingerprint(trainer) != before
        let expected = try await rateOfSecondStep(batch)
        try expectClose([Float(next)], [Float(expected)], "learning rate of the step after one that had a rate of its own")
        // Less than that is lost in the last bit of a weight.
        try expect(moved || expected < 1e-7, "no weight moves at the step after one that had a rate of its own")
    }

    /// What the trainer's own schedule comes to by then, which may be nothing.
    private func rateOfSecondStep(_ batch: TextTrainBatch) async throws -> Double {
        let trainer = try await trainer("optimizer-of-its-own")
        _ = try await trainer.forwardBackward(batch)
        _ = try await trainer.optimStep()
        _ = try await trainer.forwardBackward(batch)
        return try await trainer.optimStep().learningRate
    }

    /// Two more steps of two trainers, with every option other than before, and the second without clipping.
    func checkOptimizersAgree(_ trainer: any Trainer, _ reference: any Trainer, _ tolerance: Double) async throws {
        var probe = probe(20)
        let batch = try probe.batch(rows: 2, columns: 6)
        var options = OptimizerOptions(
            learningRate: 2e-3, beta1: 0.5, beta2: 0.9, epsilon: 1e-4, weightDecay: 0.1, maxGradientNorm: 0.1,
            schedule: .init(.linear, warmupSteps: 4, totalSteps: 20))
        for (what, norm, weight) in [("with its own options", 0.1, 1), ("that clips no gradient", nil, 50)] as [(String, Double?, Float)] {
            options.maxGradientNorm = norm
            var steps: [OptimStepResult] = []
            for each in [trainer, reference] {
                _ = try await each.forwardBackward(batch.weighing(weight))
                steps.append(try await each.optimStep(options))
            }
            try expectClose([Float(steps[0].learningRate)], [Float(steps[1].learningRate)], "learning rate of a step \(what)")
            try expectClose(
                [Float(steps[0].gradientNorm)], [Float(steps[1].gradientNorm)], "gradient norm of a step \(what)", tolerance: tolerance)
            try expectClose(
                try await fingerprint(trainer), try await fingerprint(reference), "log-probabilities after a step \(what)", tolerance: tolerance)
        }
    }
}
