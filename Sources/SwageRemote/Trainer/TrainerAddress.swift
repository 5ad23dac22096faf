#if Engines
import Foundation
import GRPCNIOTransportHTTP2Posix
import Swage

/// Where a trainer is served: `host:port`, or `unix:/path/of/a/socket`.
public struct TrainerAddress: Sendable, Hashable, CustomStringConvertible {
    /// By what a trainer is reached.
    public enum Kind: Sendable, Hashable {
        /// TCP. The host is a name or an IP address, without brackets; with port 0 a server has the system choose one.
        case network(host: String, port: Int)
        /// A Unix socket, by the path of its file.
        case socket(path: String)
    }

    /// What is reached: a host's port, or a socket.
    public let kind: Kind

    /// The address of a Unix socket. The path is taken as it is: how long it is, only ``init(_:)`` checks.
    public static func socket(_ path: String) -> TrainerAddress { TrainerAddress(kind: .socket(path: path)) }

    /// The address of a host and a port. Both are taken as they are: only ``init(_:)`` checks them.
    public static func network(_ host: String, _ port: Int) -> TrainerAddress {
        TrainerAddress(kind: .network(host: host, port: port))
    }

    private init(kind: Kind) { self.kind = kind }

    /// How many bytes a socket's path has at most: the last of `sun_path` ends it.
    private static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for anything else.
    public init(_ text: String) throws {
        func odd() -> TrainerError {
            TrainerError(
                .invalidOption, "\"\(text)\" is no address", expected: "host:port, [ipv6]:port or unix:/path/of/a/socket")
        }
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard path.hasPrefix("/") else {
                throw TrainerError(.invalidOption, "\"\(text)\" is no address", expected: "unix:/path/of/a/socket, which begins with /")
            }
            guard path.utf8.count <= Self.longestPath else {
                throw TrainerError(
                    .invalidOption, "the path of the socket \(path) has \(path.utf8.count) bytes",
                    expected: "at most \(Self.longestPath), which is the system's limit")
            }
            kind = .socket(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port)
        else { throw odd() }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() } else if host.contains(":") { throw odd() }
        guard !host.isEmpty else { throw odd() }
        kind = .network(host: String(host), port: port)
    }

    /// Whether what is sent there stays on this machine.
    public var isLocal: Bool {
        switch kind {
        case .socket: true
        case .network(let host, _): host == "localhost" || host == "::1" || host.isLoopbackIPv4
        }
    }

    public var description: String {
        switch kind {
        case .socket(let path): "unix:\(path)"
        case .network(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}

extension String {
    fileprivate var isLoopbackIPv4: Bool { isIPv4 && hasPrefix("127.") }

    fileprivate var isIPv4: Bool {
        let parts = split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return parts.count == 4 && parts.allSatisfy { $0 != nil }
    }
}

extension TrainerAddress {
    /// Where a server listens.
    var socketAddress: SocketAddress {
        switch kind {
        case .socket(let path): .unixDomainSocket(path: path)
        case .network("localhost", let port): .ipv4(host: "127.0.0.1", port: port)
        case .network(let host, let port): host.contains(":") ? .ipv6(host: host, port: port) : .ipv4(host: host, port: port)
        }
    }

    /// Where a client connects to. The certificate of an encrypted connection is one of the host's name or, if the address
    /// has none, of its number.
    func target(encrypted: Bool) -> any ResolvableTarget {
        switch kind {
        case .socket(let path): .unixDomainSocket(path: path)
        case .network("localhost", let port) where !encrypted: .ipv4(address: "127.0.0.1", port: port)
        case .network(let host, let port) where host.contains(":"): .ipv6(address: host, port: port)
        case .network(let host, let port) where host.isIPv4: .ipv4(address: host, port: port)
        case .network(let host, let port): .dns(host: host, port: port)
        }
    }
}
#endif
