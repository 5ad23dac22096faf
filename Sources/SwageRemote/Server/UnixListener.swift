#if Engines
import Foundation
import Swage

/// A Unix socket that listens, at a path where nothing was but perhaps the socket of a server that is no more. Only this
/// user can connect to it.
struct UnixListener {
    /// Belongs to whoever serves on it.
    let descriptor: Int32
    private let path: String
    private let identity: FileIdentity

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` if something is there that has to stay, or `inputOutput`.
    init(path: String) throws {
        self.path = path
        guard Self.withAddress(path, { _, _ in 0 }) == 0 else {
            throw TrainerError(.invalidOption, "the path of the socket, \(path), is too long", expected: "one of about a hundred bytes")
        }
        try Self.clear(path)
        let descriptor = Self.newSocket()
        // On Linux the file has these permissions from its first moment; elsewhere nobody is let in before it listens.
        fchmod(descriptor, 0o600)
        guard Self.withAddress(path, { bind(descriptor, $0, $1) }) == 0 else { throw Self.failure(path, closing: descriptor) }
        guard chmod(path, 0o600) == 0, let found = FileIdentity(path), listen(descriptor, 128) == 0 else {
            let error = Self.failure(path, closing: descriptor)
            unlink(path)
            throw error
        }
        (self.descriptor, identity) = (descriptor, found)
    }

    /// Removes the socket's file, if it is still there and still this one's.
    func removeFile() {
        if FileIdentity(path) == identity { unlink(path) }
    }

    /// Removes a socket on which nobody listens.
    private static func clear(_ path: String) throws {
        guard let found = FileIdentity(path) else { return }
        guard found.isSocket else {
            throw TrainerError(.invalidOption, "\(path) is there, and is no socket", expected: "a path where nothing is")
        }
        let probe = newSocket()
        defer { close(probe) }
        // Where the queue of those who wait is full, the answer must not be waited for.
        _ = fcntl(probe, F_SETFL, O_NONBLOCK)
        guard withAddress(path, { connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED else {
            throw TrainerError(.invalidOption, "somebody serves at \(path), or it cannot be told", expected: "a path where nothing is")
        }
        unlink(path)
    }

    private static func newSocket() -> Int32 {
        #if canImport(Darwin)
        let descriptor = socket(AF_UNIX, SOCK_STREAM, 0)
        #else
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    private static func failure(_ path: String, closing descriptor: Int32) -> TrainerError {
        let reason = String(cString: strerror(errno))
        close(descriptor)
        return TrainerError(.inputOutput, "unix:\(path) cannot be served: \(reason)", expected: "a folder that can be written to")
    }

    /// What `body` returns; -1 for a path that does not fit.
    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path), !path.utf8.contains(0) else { return -1 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }
}

/// Which file lies at a path, a link itself and not what it leads to.
private struct FileIdentity: Equatable {
    let device: dev_t
    let number: ino_t
    let isSocket: Bool

    /// Nil if nothing is there.
    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        (device, number) = (status.st_dev, status.st_ino)
        isSocket = status.st_mode & S_IFMT == S_IFSOCK
    }
}
#endif
