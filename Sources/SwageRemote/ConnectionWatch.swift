#if Engines
import GRPCCore
import Synchronization

/// Looks now and then whether the trainer of a call that takes long is still there: gRPC does not always end a call whose
/// server was killed.
package final class ConnectionWatch: Sendable {
    /// How often in a row it has to be gone.
    private static let patience = 3

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
                var absences = 0
                while absences < Self.patience {
                    try await Task.sleep(for: pause)
                    do {
                        try await look()
                        absences = 0
                    } catch let error as RPCError where error.code == .unavailable || error.code == .aborted {
                        absences += 1
                        if absences == Self.patience { self?.found.withLock { $0 = error } }
                    } catch is RPCError {
                        absences = 0
                    }
                }
                lost()
            }
        }
    }

    package func end() { task.withLock { $0?.cancel() } }
}
#endif
