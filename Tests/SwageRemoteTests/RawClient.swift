#if Engines
import Foundation
import Swage
import SwageRemote

/// A client that writes its own HTTP/2, and reads nothing.
final class RawClient {
    private let descriptor: Int32

    init(_ address: TrainerAddress) throws {
        guard case .socket(let path) = address.kind else { throw POSIXError(.EADDRNOTAVAIL) }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // A server that does not read either must not keep a test waiting.
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard connected == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .ECONNREFUSED) }
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Foundation.send(descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw POSIXError(.EPIPE) }
            sent += count
        }
    }

    /// Calls a method with one whole message.
    func send(_ method: String, _ message: Data) throws {
        try begin(method)
        try write(Self.frame(0, flags: 1, stream: 1, [0] + Self.bigEndian(message.count, bytes: 4) + Array(message)))
    }

    /// Begins a call, and its message, of which only the first `sending` bytes come.
    func begin(_ method: String, messageBytes: Int? = nil, sending: Int = 0, extraHeader: Int = 0) throws {
        let settings = Self.frame(4, flags: 0, stream: 0, [])
        var block = Self.headers(method)
        if extraHeader > 0 { block += Self.literal("x-long", String(repeating: "y", count: extraHeader)) }
        var parts = stride(from: 0, to: block.count, by: 16000).map { Array(block[$0..<min($0 + 16000, block.count)]) }
        var frames = Self.frame(1, flags: parts.count == 1 ? 4 : 0, stream: 1, parts.removeFirst())
        for (index, part) in parts.enumerated() {
            frames += Self.frame(9, flags: index == parts.count - 1 ? 4 : 0, stream: 1, part)
        }
        try write(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + settings + frames)
        guard let messageBytes else { return }
        let message = [0] + Self.bigEndian(messageBytes, bytes: 4) + [UInt8](repeating: 0, count: sending)
        for begin in stride(from: 0, to: message.count, by: 16000) {
            try write(Self.frame(0, flags: 0, stream: 1, Array(message[begin..<min(begin + 16000, message.count)])))
        }
    }

    private static func frame(_ kind: UInt8, flags: UInt8, stream: Int, _ payload: [UInt8]) -> [UInt8] {
        bigEndian(payload.count, bytes: 3) + [kind, flags] + bigEndian(stream, bytes: 4) + payload
    }

    private static func bigEndian(_ value: Int, bytes: Int) -> [UInt8] {
        (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func headers(_ method: String) -> [UInt8] {
        let pairs = [
            (":method", "POST"), (":scheme", "http"), (":path", "/swage.v1.TrainerService/\(method)"), (":authority", "x"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        return pairs.flatMap { literal($0, $1) }
    }

    /// A header as HPACK has it without a table and without Huffman's code.
    private static func literal(_ name: String, _ value: String) -> [UInt8] {
        [0] + length(name.utf8.count) + Array(name.utf8) + length(value.utf8.count) + Array(value.utf8)
    }

    private static func length(_ count: Int) -> [UInt8] {
        guard count >= 127 else { return [UInt8(count)] }
        var (bytes, rest) = ([UInt8(127)], count - 127)
        while rest >= 128 {
            bytes.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return bytes + [UInt8(rest)]
    }
}
#endif
