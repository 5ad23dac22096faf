import CSwageSystem
import Foundation
import Swage

/// What a server has answered, but for its body.
struct HTTPReply {
    var status = 0
    /// By name in small letters.
    var headers: [String: String] = [:]

    /// Takes over a line of the head; a line that begins another answer begins anew.
    mutating func add(_ line: String) {
        if line.hasPrefix("HTTP/") {
            self = HTTPReply(status: Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0)
        } else if let colon = line.firstIndex(of: ":") {
            let name = line[..<colon].lowercased()
            headers[name] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
    }

    /// A whole number in a header.
    func number(_ name: String) -> Int? { headers[name].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil } }
}

/// Why there is no answer.
enum HTTPFailure: Error {
    /// No such host, or nobody listens.
    case unreachable(String)
    /// The connection broke.
    case broken(String)
    /// Asking again makes no sense.
    case refused(String)

    var isFinal: Bool { if case .refused = self { true } else { false } }

    var reason: String {
        switch self {
        case .unreachable(let reason), .broken(let reason), .refused(let reason): reason
        }
    }
}

/// A connection to servers, over which one thread at a time asks for one thing after another.
///
/// It is libcurl's, as that of `URLSession` on Linux is, and is opened when something is fetched: with `FoundationNetworking` in the
/// program every command would load it and its thirty libraries, which takes longer than to say what a model is. What comes waits in the
/// network while a piece is written, so that no file is ever held in memory.
final class HTTPConnection {
    private let handle: OpaquePointer
    private let hub: Hub
    private let isCancelled: () -> Bool

    /// - Parameter isCancelled: asked at least once a second.
    /// - Throws: ``TrainerError`` with code `missingDependency`.
    init(_ hub: Hub, isCancelled: @escaping () -> Bool) throws {
        guard let handle = swage_http_open() else {
            throw TrainerError(
                .missingDependency, "nothing can be fetched without libcurl, and there is none",
                expected: "`apt install libcurl4`, or a model on disk")
        }
        (self.handle, self.hub, self.isCancelled) = (handle, hub, isCancelled)
    }

    deinit { swage_http_close(handle) }

    /// What the callbacks of a transfer share.
    private final class Transfer {
        var reply = HTTPReply()
        var failure: (any Error)?
        let isCancelled: () -> Bool
        let body: (borrowing HTTPReply, UnsafeRawBufferPointer) throws -> Void

        init(_ isCancelled: @escaping () -> Bool, _ body: @escaping (borrowing HTTPReply, UnsafeRawBufferPointer) throws -> Void) {
            (self.isCancelled, self.body) = (isCancelled, body)
        }

        static func of(_ context: UnsafeMutableRawPointer?) -> Transfer { Unmanaged.fromOpaque(context!).takeUnretainedValue() }
    }

    /// Asks, and waits for the whole answer. No redirection is followed.
    /// - Parameter body: gets each piece of the body; what it throws ends the transfer, and is thrown.
    /// - Throws: ``HTTPFailure``; `CancellationError`.
    func send(
        _ url: String, head: Bool = false, headers: [(String, String)],
        body: @escaping (borrowing HTTPReply, UnsafeRawBufferPointer) throws -> Void
    ) throws -> HTTPReply {
        let transfer = Transfer(isCancelled, body)
        let lines = headers.map { strdup("\($0): \($1)") }
        defer { for line in lines { free(line) } }
        var message = [CChar](repeating: 0, count: 256)
        let outcome = withExtendedLifetime(transfer) {
            url.withCString { url in
                lines.map { UnsafePointer($0) }.withUnsafeBufferPointer { lines in
                    withAuthorities { authorities in
                        var request = swage_http_request()
                        request.url = url
                        request.is_head = head ? 1 : 0
                        (request.headers, request.header_count) = (lines.baseAddress, lines.count)
                        (request.connect_seconds, request.idle_seconds) = (hub.answerSeconds, hub.byteSeconds)
                        request.authorities = authorities
                        request.context = Unmanaged.passUnretained(transfer).toOpaque()
                        request.on_header = { context, line, count in
                            let bytes = UnsafeRawBufferPointer(start: line, count: count)
                            Transfer.of(context).reply.add(String(decoding: bytes, as: UTF8.self))
                        }
                        request.on_body = { context, bytes, count in
                            let transfer = Transfer.of(context)
                            do {
                                try transfer.body(transfer.reply, UnsafeRawBufferPointer(start: bytes, count: count))
                                return 0
                            } catch {
                                transfer.failure = error
                                return 1
                            }
                        }
                        request.is_cancelled = { Transfer.of($0).isCancelled() ? 1 : 0 }
                        return swage_http_send(handle, &request, &message)
                    }
                }
            }
        }
        if isCancelled() { throw CancellationError() }
        if let failure = transfer.failure { throw failure }
        let end = message.firstIndex(of: 0) ?? message.endIndex
        let reason = String(decoding: message[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        switch Int(outcome) {
        case Int(SWAGE_HTTP_DONE): return transfer.reply
        case Int(SWAGE_HTTP_UNREACHABLE): throw HTTPFailure.unreachable(reason)
        case Int(SWAGE_HTTP_REFUSED): throw HTTPFailure.refused(reason)
        default: throw HTTPFailure.broken(reason)
        }
    }

    private func withAuthorities<Result>(_ body: (UnsafePointer<CChar>?) -> Result) -> Result {
        guard let path = hub.authorities else { return body(nil) }
        return path.withCString(body)
    }
}
