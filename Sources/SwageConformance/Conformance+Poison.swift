import Swage

extension Conformance {
    /// Gradients that are not finite are refused at the step, or before it.
    func checkPoisonedSteps(_ trainer: any Trainer, _ good: TextTrainBatch) async throws {
        let before = try await fingerprint(trainer)
        let first = try await poison(trainer, good, by: good.weighing(3e38), times: 2)
        try expect(first.isRefused, "two forwardBackward whose gradients overflow, and a step on them, are taken, and nonFinite was expected")
        let twin = try await checkCleared(trainer, good, before, first.learned)

        // Finite each by itself, whose sum is not as float32: it is the step that refuses them, unless it adds up in more digits.
        let single = try TextTrainBatch(inputIDs: good.rows(0..<1).inputIDs.first, targetIDs: good.rows(0..<1).targetIDs.first)
        let again = try await self.trainer("poisoned-step")
        let logProb = abs(try await again.forward(ForwardInputs(logProbsOf: single)).logProbs?.scalars.first ?? 1)
        let second = try await poison(again, good, by: single.weighing(3e38 / max(0.5, logProb)), times: 8)
        if second.isRefused { try await checkCleared(again, good, before, second.learned, twin) }
    }

    /// Learns from a batch as often as it is taken, and takes a step.
    private func poison(
        _ trainer: any Trainer, _ good: TextTrainBatch, by bad: TextTrainBatch, times: Int
    ) async throws -> (learned: Int, isRefused: Bool) {
        var learned = 0
        do {
            for _ in 0..<times {
                _ = try await trainer.forwardBackward(bad)
                learned += 1
            }
            _ = try await trainer.optimStep()
            return (learned, false)
        } catch let error as TrainerError {
            try expect(error.code == .nonFinite, "gradients that overflow: threw \(error.code.rawValue) (\(error)), expected nonFinite")
            return (learned, true)
        }
    }

    /// What was refused is not there, and what a refused step would have used stays until it is cleared.
    @discardableResult
    private func checkCleared(
        _ trainer: any Trainer, _ good: TextTrainBatch, _ before: [Float], _ learned: Int, _ known: OptimStepResult? = nil
    ) async throws -> OptimStepResult {
        try await expectStatus(
            trainer, TrainerStatus(step: 0, accumulatedMicrobatches: learned),
            "after \(learned) forwardBackward whose gradients overflow, and what was refused of them or of the step")
        try expectSame(try await fingerprint(trainer), before, "weights after the refused step")
        if learned > 0 { try await trainer.clearGradients() }
        _ = try await trainer.forwardBackward(good)
        let step = try await trainer.optimStep()
        let expected: OptimStepResult
        if let known {
            expected = known
        } else {
            let twin = try await self.trainer("poisoned-twin")
            _ = try await twin.forwardBackward(good)
            expected = try await twin.optimStep()
        }
        let what = "after gradients that overflow were \(learned > 0 ? "cleared" : "refused")"
        try expect(step.step == 1 && step.accumulatedMicrobatches == 1, "\(what), step \(step.step) is of \(step.accumulatedMicrobatches) microbatches")
        try expectSame([Float(step.gradientNorm)], [Float(expected.gradientNorm)], "gradient norm \(what)")
        return expected
    }
}

extension Tensor {
    /// The first element, of a tensor of two axes.
    fileprivate var first: Tensor { get throws { try Tensor([scalars[0]], shape: [1, 1]) } }
}
