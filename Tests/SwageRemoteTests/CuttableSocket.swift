#if Engines
import Foundation
import SwageRemote
import Synchronization

/// A Unix socket in front of another, whose connections can be cut while both ends live.
final class CuttableSocket: Sendable {
    let path = shortTemporaryPath()
    private let listener: Int32
    private let open = Mutex<[Int32]>([])

    init(to target: String) throws {
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard Self.withAddress(path, { bind(listener, $0, $1) }) == 0, listen(listener, 8) == 0 else {
            throw POSIXError(.EADDRINUSE)
        }
        Thread.detachNewThread { [listener, weak self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0, let self else { return }
                let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
                guard Self.withAddress(target, { connect(server, $0, $1) }) == 0 else { return }
                self.open.withLock { $0 += [client, server] }
                for (from, to) in [(client, server), (server, client)] {
                    Thread.detachNewThread { Self.forward(from, to) }
                }
            }
        }
    }

    /// Ends all connections; new ones may come.
    func cut() {
        for descriptor in open.withLock({
            let all = $0; $0 = []; return all
        }) { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    /// Ends all connections, and takes no new one.
    func close() {
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(path)
        cut()
    }

    private static func forward(_ from: Int32, _ to: Int32) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(from, &buffer, buffer.count)
            guard count > 0, send(to, buffer, count, Int32(MSG_NOSIGNAL)) == count else { break }
        }
        shutdown(to, Int32(SHUT_RDWR))
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }
}
#endif
