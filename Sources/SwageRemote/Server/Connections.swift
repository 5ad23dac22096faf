#if Engines
import NIOCore
import Synchronization

/// The connections of a server, to be ended from here where their clients do not end them.
final class Connections: Sendable {
    private let open = Mutex<[ObjectIdentifier: any Channel]>([:])

    func add(_ connection: any Channel) {
        let id = ObjectIdentifier(connection)
        open.withLock { $0[id] = connection }
        connection.closeFuture.whenComplete { [self] _ in open.withLock { $0[id] = nil } }
    }

    func close() {
        for connection in open.withLock({ Array($0.values) }) { connection.close(promise: nil) }
    }
}
#endif
