#if Engines
import Swage
import Synchronization

/// How a server comes to its end: it takes no more work, and waits until what was learned is saved.
final class Closing: Sendable {
    /// What a call does to the trainer.
    enum Use {
        /// Looks, or keeps what is there.
        case other
        /// Goes on with the work; refused at the end.
        case work
    }

    private struct State {
        var isClosing = false
        /// Whether steps were taken that no checkpoint holds.
        var isUnsaved = false
        var callsUnderWay = 0
        var lastCall = ContinuousClock.now
    }

    private let state = Mutex(State())

    /// Carries a call out, unless the server takes no more of its kind.
    func admit<Result: Sendable>(_ use: Use, _ body: () async throws -> Result) async throws -> Result {
        try state.withLock { state in
            guard !state.isClosing || use == .other else {
                throw TrainerError(
                    .busy, "the server is being stopped: it takes no more work, and only saves")
            }
            state.callsUnderWay += 1
        }
        defer {
            state.withLock { state in
                state.callsUnderWay -= 1
                state.lastCall = .now
            }
        }
        return try await body()
    }

    func hasLearned() { state.withLock { $0.isUnsaved = true } }
    func hasSaved() { state.withLock { $0.isUnsaved = false } }

    /// Returns when no call is under way.
    func finishCalls() async {
        while state.withLock({ $0.callsUnderWay > 0 }) { try? await Task.sleep(for: .milliseconds(20)) }
    }

    /// Takes no more work, and returns when what was learned is saved, or when nobody has called for so long.
    /// - Returns: whether something is left that nobody has saved.
    func close(waiting: Duration) async -> Bool {
        state.withLock { state in
            state.isClosing = true
            state.lastCall = .now
        }
        while true {
            let (isDone, isUnsaved) = state.withLock { state in
                let isDone = state.callsUnderWay == 0 && (!state.isUnsaved || state.lastCall.duration(to: .now) >= waiting)
                return (isDone, state.isUnsaved)
            }
            if isDone { return isUnsaved }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
#endif
