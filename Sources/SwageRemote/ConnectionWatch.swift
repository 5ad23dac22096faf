#if Engines
import GRPCCore
import Synchronization

/// Looks now and then whether the trainer of a call that takes long is still there: gRPC does not always end a call whose
/// server was killed, and never one whose server hangs.
package final class ConnectionWatch: Sendable {
    /// How often in a row it has to be gone, and how often not to answer, on a machine that may be busy.
    private static let patience = (absences: 3, silences: 12)

    private let found = Mutex<RPCError?>(nil)
    private let task = Mutex<Task<Void, any Error>?>(nil)

    /// What the trainer was lost by; nil if it was not.
    package var loss: RPCError? { found.withLock { $0 } }

    /// - Parameters:
    ///   - pause: between two looks.
    ///   - look: throws an `RPCError` where nobody answers, or another one than before.
    ///   - lost: called once the trainer is known to be gone.
    package init(
        every pause: Duration = .seconds(5), _ look: @escaping @Sendable () async throws -> Void, lost: @escaping @Sendable () -> Void
    ) {
        task.withLock {
            $0 = Task { [weak self] in
                var (absences, silences) = (0, 0)
                while true {
                    try await Task.sleep(for: pause)
                    var reason: RPCError?
                    do {
                        try await look()
                        (absences, silences) = (0, 0)
                    } catch let error as RPCError where error.code == .unavailable || error.code == .aborted {
                        absences += 1
                        reason = error
                    } catch let error as RPCError where error.code == .deadlineExceeded {
                        silences += 1
                        reason = RPCError(code: .unavailable, message: "it hangs: it has not answered \(silences) times in a row")
                    } catch is RPCError {
                        (absences, silences) = (0, 0)
                    }
                    if absences >= Self.patience.absences || silences >= Self.patience.silences {
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
