import Synchronization

/// Lets calls through, a few at once or one after another, in the order in which they came. One that is cancelled while it
/// waits ends at once.
package final class CallGate: Sendable {
    private struct Waiting {
        let ticket: Int
        let bytes: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var calls = 0
        var bytes = 0
        var lastTicket = 0
        var waiting: [Waiting] = []
        /// Why those who are on their way to the gate have given up, who may not have begun to wait; nil if they have not.
        var coming: [Int: (any Error)?] = [:]
    }

    private let mostCalls: Int
    private let mostBytes: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - mostCalls: how many may be under way.
    ///   - mostBytes: how many bytes of requests may be out; a larger one goes alone.
    package init(mostCalls: Int, mostBytes: Int = .max) { (self.mostCalls, self.mostBytes) = (mostCalls, mostBytes) }

    /// Runs `body` when there is room for it.
    /// - Parameters:
    ///   - bytes: how many bytes its request takes.
    ///   - deadline: until when it may wait.
    /// - Throws: what `body` throws, `CancellationError`, or ``TrainerError`` with code `deadlineExceeded`.
    package func pass<Result: Sendable>(
        bytes: Int = 0, until deadline: ContinuousClock.Instant? = nil, _ body: () async throws -> Result
    ) async throws -> Result {
        try await enter(bytes, deadline)
        defer { leave(bytes) }
        return try await body()
    }

    private func enter(_ bytes: Int, _ deadline: ContinuousClock.Instant?) async throws {
        let ticket = state.withLock { state -> Int? in
            if state.waiting.isEmpty, hasRoom(bytes, state) {
                state.calls += 1
                state.bytes += bytes
                return nil
            }
            state.lastTicket += 1
            state.coming[state.lastTicket] = .some(nil)
            return state.lastTicket
        }
        guard let ticket else { return }
        defer { state.withLock { _ = $0.coming.removeValue(forKey: ticket) } }
        let timer = deadline.map { deadline in
            Task {
                try await Task.sleep(until: deadline, clock: .continuous)
                giveUp(ticket, TrainerError(.deadlineExceeded, "other calls took longer than this one was given"))
            }
        }
        defer { timer?.cancel() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                state.withLock { state in
                    if let error = state.coming[ticket] ?? nil { return continuation.resume(throwing: error) }
                    state.waiting.append(Waiting(ticket: ticket, bytes: bytes, continuation: continuation))
                    admit(&state)
                }
            }
        } onCancel: {
            giveUp(ticket, CancellationError())
        }
    }

    private func leave(_ bytes: Int) {
        state.withLock { state in
            state.calls -= 1
            state.bytes -= bytes
            admit(&state)
        }
    }

    private func giveUp(_ ticket: Int, _ error: any Error) {
        state.withLock { state in
            guard let place = state.waiting.firstIndex(where: { $0.ticket == ticket }) else {
                if state.coming[ticket] != nil { state.coming[ticket] = .some(error) }
                return
            }
            state.waiting.remove(at: place).continuation.resume(throwing: error)
            admit(&state)
        }
    }

    private func admit(_ state: inout State) {
        while let next = state.waiting.first, hasRoom(next.bytes, state) {
            state.waiting.removeFirst()
            state.calls += 1
            state.bytes += next.bytes
            next.continuation.resume()
        }
    }

    private func hasRoom(_ bytes: Int, _ state: State) -> Bool {
        state.calls == 0 || state.calls < mostCalls && bytes <= mostBytes - state.bytes
    }
}
