import Swage
import TestEngines
import Testing

/// Calls take turns; those that wait for theirs can be ended.
@Suite struct TurnTests {
    @Test(.timeLimit(.minutes(30)))
    func aCallThatIsCancelledWhileItWaitsEndsBeforeTheOneAhead() async throws {
        let (batch, loss) = TinyModel.longCall
        let trainer = try await TinyModel.trainer()
        let ahead = Task { try await trainer.forwardBackward(batch, loss: loss) }
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
