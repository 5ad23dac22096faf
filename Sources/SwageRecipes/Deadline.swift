import Synchronization

struct DeadlineExceeded: Error {}

/// The result of `body`, or ``DeadlineExceeded`` if it takes longer than that.
///
/// Returns at the deadline, and at a cancellation, also where `body` heeds neither; it then goes on by itself, and what
/// it returns is dropped. Code that blocks its thread blocks one that nothing else needs.
func withDeadline<Result: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let first = FirstResult<Result>()
    let work = Task(executorPreference: PatientThreads.shared) { first.settle(await Swift.Result { try await body() }) }
    let clock = Task {
        try await Task.sleep(for: limit)
        first.settle(.failure(DeadlineExceeded()))
    }
    defer {
        work.cancel()
        clock.cancel()
    }
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { first.await($0) }
    } onCancel: {
        first.settle(.failure(CancellationError()))
    }
}

/// Hands the first of several results to the one who waits.
private final class FirstResult<Success: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Success, any Error>)
        case settled(Result<Success, any Error>)
        case over
    }

    private let state = Mutex(State.open)

    func await(_ continuation: CheckedContinuation<Success, any Error>) {
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

    func settle(_ result: Result<Success, any Error>) {
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
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
