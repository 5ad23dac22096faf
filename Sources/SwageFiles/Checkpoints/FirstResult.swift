import Synchronization

/// Hands the first of several results to the one who waits; later ones are nobody's.
package final class FirstResult<Success: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Success, any Error>)
        case settled(Result<Success, any Error>)
        case over
    }

    private let state = Mutex(State.open)

    package init() {}

    package func settle(_ result: Result<Success, any Error>) {
        let waiting = state.withLock { state -> CheckedContinuation<Success, any Error>? in
            switch state {
            case .open:
                state = .settled(result)
                return nil
            case .awaited(let continuation):
                state = .over
                return continuation
            case .settled, .over:
                return nil
            }
        }
        waiting?.resume(with: result)
    }

    /// Waits for the result, once, whether or not the calling task is cancelled.
    package func value() async throws -> Success {
        try await withCheckedThrowingContinuation { continuation in
            let settled = state.withLock { state -> Result<Success, any Error>? in
                if case .settled(let result) = state {
                    state = .over
                    return result
                }
                state = .awaited(continuation)
                return nil
            }
            if let settled { continuation.resume(with: settled) }
        }
    }

    /// Runs `body` in a task of its own, whose result is one of them.
    /// - Parameter executor: what runs it; nil for what runs any task.
    /// - Returns: the task.
    package func follow(
        on executor: (any TaskExecutor)? = nil, _ body: @escaping @Sendable () async throws -> Success
    ) -> Task<Void, Never> {
        Task(executorPreference: executor) {
            do {
                self.settle(.success(try await body()))
            } catch {
                self.settle(.failure(error))
            }
        }
    }
}
