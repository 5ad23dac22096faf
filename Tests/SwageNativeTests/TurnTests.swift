import Swage
import TestEngines
import Testing

/// Calls take turns; those that wait for theirs can be ended.
@Suite struct TurnTests {
    @Test(.timeLimit(.minutes(30)))
    func aCallThatIsCancelledWhileItWaitsEndsBeforeTheOneAhead() async throws {
        let size = 1024
        // All of it would take minutes.
        let loss = LossFunction("long") { outputs, batch in
            let matrix = batch["w", [.fixed(size), .fixed(size)]]
            let product = (0..<400).reduce(matrix) { product, _ in product.matmul(matrix) }
            return LossValue(sum: product.sum() + outputs.logProbs.sum(), denominator: batch.targetMask.sum())
        }
        var batch = TinyModel.batch
        batch.lossInputs["w"] = Tensor(repeating: 1e-3, shape: [size, size])
        let trainer = try await TinyModel.trainer()
        let ahead = Task { [batch] in try await trainer.forwardBackward(batch, loss: loss) }
        try await Task.sleep(for: .milliseconds(300))
        let calls = [
            Task { _ = try await trainer.forwardBackward(TinyModel.batch) }, Task { _ = try await trainer.optimStep() },
            Task { _ = try await trainer.sampler.generate([[1, 2, 3]]) },
        ]
        try await Task.sleep(for: .milliseconds(50))
        for call in calls {
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
        }
        ahead.cancel()
        await #expect(throws: CancellationError.self) { try await ahead.value }
        #expect(try await trainer.status() == TrainerStatus(step: 0, accumulatedMicrobatches: 0))
        _ = try await trainer.forwardBackward(TinyModel.batch)
    }
}
