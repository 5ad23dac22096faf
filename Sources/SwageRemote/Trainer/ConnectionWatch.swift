#if Engines
package import GRPCCore
import Synchronization

/// Looks now and then whether the trainer of a call that takes long is still there: gRPC does not always end a call whose
/// server was killed, and never one whose server hangs.
package final class ConnectionWatch: Sendable {
    /// How often in a row it has to be gone, and how often not to answer, on a machine that may be busy.
    private static let patience = (absences: 3, silences: 12)

    /// How often in a row the trainer of a connection has not answered, whichever call it was asked beside.
    package final class Silences: Sendable {
        private let count = Mutex(0)

        package init() {}

        func note() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }

        func end() { count.withLock { $0 = 0 } }
    }

    private let found = Mutex<RPCError?>(nil)
    private let task = Mutex<Task<Void, any Error>?>(nil)

    /// What the trainer was lost by; nil if it was not.
    package var loss: RPCError? { found.withLock { $0 } }

    /// - Parameters:
    ///   - executor: what runs the looks; nil for what runs any task.
    ///   - pause: between two looks.
    ///   - silences: of the connection; once it hangs, the next call is given up at its first look.
    ///   - look: throws an `RPCError` where nobody answers, or another one than before.
    ///   - lost: called once the trainer is known to be gone.
    package init(
        on executor: (any TaskExecutor)? = nil, every pause: Duration = .seconds(5), silences: Silences = .init(),
        _ look: @escaping @Sendable () async throws -> Void, lost: @escaping @Sendable () -> Void
    ) {
        task.withLock {
            $0 = Task(executorPreference: executor) { [weak self] in
                var (absences, unanswered) = (0, 0)
                while true {
                    try await Task.sleep(for: pause)
                    var reason: RPCError?
                    do {
                        try await look()
                        silences.end()
                        (absences, unanswered) = (0, 0)
                    } catch let error as RPCError where error.code == .unavailable || error.code == .aborted {
                        absences += 1
                        reason = error
                    } catch let error as RPCError where error.code == .deadlineExceeded {
                        unanswered = silences.note()
                        reason = RPCError(code: .unavailable, message: "it hangs: it has not answered \(unanswered) times in a row")
                    } catch is RPCError {
                        silences.end()
                        (absences, unanswered) = (0, 0)
                    }
                    if absences >= Self.patience.absences || unanswered >= Self.patience.silences {
                        self?.found.withLock { $0 = reason }
                        break
                    }
                }
                lost()
            }
        }
    }

    package func end() { task.withLock { $0?.cancel() } }
}
#endif
