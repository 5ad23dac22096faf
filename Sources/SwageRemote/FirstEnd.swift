#if Engines
import Synchronization

/// The first of several ends that a call may come to; later ones are nobody's.
///
/// gRPC loses a cancellation that comes before a call has begun to wait for a connection (grpc-swift-nio-transport 2.9,
/// `GRPCChannel.enqueue`): whoever waits for the call's own end may wait for ever.
package final class FirstEnd<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Value, any Error>)
        case ended(Result<Value, any Error>)
        case told
    }

    private let state = Mutex(State.open)

    package init() {}

    package func end(_ result: Result<Value, any Error>) {
        let waiting: CheckedContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .open: state = .ended(result)
            case .awaited(let continuation):
                state = .told
                return continuation
            case .ended, .told: break
            }
            return nil
        }
        waiting?.resume(with: result)
    }

    /// Waits for the end, once, whether or not the calling task is cancelled.
    package func value() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let ended: Result<Value, any Error>? = state.withLock { state in
                if case .ended(let result) = state {
                    state = .told
                    return result
                }
                state = .awaited(continuation)
                return nil
            }
            if let ended { continuation.resume(with: ended) }
        }
    }

    /// Runs `body` in a task of its own, the end of which is one of them.
    /// - Returns: what ends it otherwise.
    package func follow(_ body: @escaping @Sendable () async throws -> Value) -> @Sendable () -> Void {
        let task = Task {
            do {
                end(.success(try await body()))
            } catch {
                end(.failure(error))
            }
        }
        return { [self] in
            end(.failure(CancellationError()))
            task.cancel()
        }
    }
}
#endif
