import Swage

extension Conformance {
    /// `status` waits for no call, and a call whose task is cancelled has happened or has not, as it says.
    func checkCallsUnderWay() async throws {
        let (batch, duration) = try await longCall()
        try await checkStatusBeside(batch, lasting: duration)
        try await checkCancelled(batch, lasting: duration)
        try await checkCancelledBehind(batch, lasting: duration)
    }

    /// A batch that keeps the trainer for long enough to do something beside it, if one of some thousand tokens does.
    private func longCall() async throws -> (TextTrainBatch, Duration) {
        var probe = probe(13)
        let trainer = try await trainer("long")
        let columns = try await columns(32, trainer)
        var rows = 1
        while true {
            let batch = try probe.batch(rows: rows, columns: columns)
            let start = ContinuousClock.now
            _ = try await trainer.forwardBackward(batch)
            let duration = start.duration(to: .now)
            if duration > .milliseconds(400) || rows == 512 { return (batch, duration) }
            rows *= 2
        }
    }

    private func checkStatusBeside(_ batch: TextTrainBatch, lasting duration: Duration) async throws {
        // Too short a call tells nothing.
        guard duration > .milliseconds(200) else { return }
        let trainer = try await trainer("status")
        // A busy machine may hold an answer up; a trainer that makes it wait does so every time.
        var waits: [Duration] = []
        for _ in 0..<5 {
            async let call = trainer.forwardBackward(batch)
            try await Task.sleep(for: duration / 4)
            let asked = ContinuousClock.now
            _ = try await trainer.status()
            waits.append(asked.duration(to: .now))
            _ = try await call
            if waits.last! < duration / 4 { return }
        }
        throw ConformanceFailure(
            description: "status was answered after \(waits) beside a forwardBackward of \(duration), a quarter of which had gone")
    }

    private func checkCancelled(_ batch: TextTrainBatch, lasting duration: Duration) async throws {
        var probe = probe(14)
        let before = try probe.batch(rows: 2, columns: 6)
        let twin = try await trainer("cancelled-twin")
        _ = try await twin.forwardBackward(before)
        let norm = try await twin.optimStep().gradientNorm
        for tenths in [2, 6] {
            let trainer = try await trainer("cancelled")
            _ = try await trainer.forwardBackward(before)
            let call = Task { try await trainer.forwardBackward(batch) }
            try await Task.sleep(for: duration * tenths / 10)
            call.cancel()
            let hasHappened = try await hasHappened(call)
            let count = try await trainer.status().accumulatedMicrobatches
            try expect(
                count == (hasHappened ? 2 : 1),
                "forwardBackward of a task that was cancelled \(hasHappened ? "returned" : "threw"), and after it \(count) microbatches "
                    + "are accumulated, of which 1 was before")
            guard !hasHappened else { continue }
            try expectSame(
                [Float(try await trainer.optimStep().gradientNorm)], [Float(norm)], "gradient norm after a forwardBackward that was cancelled")
        }
    }

    /// A call that waits behind another, and is cancelled there.
    private func checkCancelledBehind(_ batch: TextTrainBatch, lasting duration: Duration) async throws {
        let trainer = try await trainer("cancelled-behind")
        let first = Task { try await trainer.forwardBackward(batch) }
        try await Task.sleep(for: duration / 4)
        let second = Task { try await trainer.forwardBackward(batch) }
        try await Task.sleep(for: duration / 4)
        second.cancel()
        let happened = [try await hasHappened(second), try await hasHappened(first)].count { $0 }
        let count = try await trainer.status().accumulatedMicrobatches
        try expect(count == happened, "of two calls, the second cancelled as it waited, \(happened) returned, and \(count) microbatches are accumulated")
    }

    /// Whether a call has done its work, other than because it was cancelled.
    private func hasHappened(_ call: Task<ForwardBackwardResult, any Error>) async throws -> Bool {
        do {
            _ = try await call.value
            return true
        } catch is CancellationError {
            return false
        }
    }
}
