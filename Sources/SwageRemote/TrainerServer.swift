#if Engines
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Swage

/// A process's end of the trainer service: serves one trainer at one address, until its task is cancelled.
///
/// What leaves this machine is encrypted and needs a token; on loopback and on a Unix socket both are optional.
public struct TrainerServer: Sendable {
    /// The largest request, in bytes: token ids and what losses read, with much room.
    public static let maximumMessageBytes = 256 << 20

    /// The files, in PEM, by which a server proves who it is.
    public struct Identity: Sendable {
        public var certificateChain: String
        public var privateKey: String

        public init(certificateChain: String, privateKey: String) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
        }
    }

    private let server: GRPCServer<HTTP2ServerTransport.Posix>
    private let transport: HTTP2ServerTransport.Posix
    private let address: TrainerAddress

    /// - Parameters:
    ///   - sampler: writes with the trainer's weights; nil for a trainer that cannot.
    ///   - address: where to listen; port 0 lets the system choose one.
    ///   - token: what callers have to know.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for an open door.
    public init(
        _ trainer: any Trainer, sampler: (any Sampler)? = nil, at address: TrainerAddress, token: String? = nil,
        identity: Identity? = nil
    ) throws {
        guard address.isLocal || (token?.isEmpty == false && identity != nil) else {
            throw TrainerError(
                .invalidOption, "\(address) can be reached from other machines",
                expected: "a token, a certificate and its private key, or an address on loopback")
        }
        self.address = address
        transport = HTTP2ServerTransport.Posix(
            address: address.socketAddress, transportSecurity: try Self.security(identity),
            config: .defaults { config in
                config.rpc.maxRequestPayloadSize = Self.maximumMessageBytes
                config.http2.targetWindowSize = 8 << 20
                config.http2.maxFrameSize = 1 << 20
                config.connection.keepalive.clientBehavior.allowWithoutCalls = true
                config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(1)
            })
        let service = TrainerService(trainer, sampler: sampler)
        var interceptors: [any ServerInterceptor] = [InstanceCheck(instance: service.instance)]
        if let token { interceptors.insert(BearerTokenCheck(token: token), at: 0) }
        server = GRPCServer(transport: transport, services: [service, HealthService()], interceptors: interceptors)
    }

    /// Serves until the task is cancelled; calls that are under way then come to their end.
    /// - Parameter ready: called with the address, once the server can be reached there.
    public func run(ready: @Sendable (TrainerAddress) -> Void) async throws {
        do {
            try await withTaskCancellationHandler {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await server.serve() }
                    ready(try await listeningAddress())
                    try await group.waitForAll()
                }
            } onCancel: {
                server.beginGracefulShutdown()
            }
        } catch let error as RuntimeError {
            if Task.isCancelled { return }
            throw TrainerError(.inputOutput, "\(address) cannot be served: \(error)", expected: "an address that is free")
        }
    }

    private func listeningAddress() async throws -> TrainerAddress {
        let bound = try await transport.listeningAddress
        guard let port = bound.ipv4?.port ?? bound.ipv6?.port, case .network(let host, _) = address.kind else { return address }
        return TrainerAddress.network(host, port)
    }

    private static func security(_ identity: Identity?) throws -> HTTP2ServerTransport.Posix.TransportSecurity {
        guard let identity else { return .plaintext }
        return .tls(
            certificateChain: [.file(path: identity.certificateChain, format: .pem)],
            privateKey: .file(path: identity.privateKey, format: .pem))
    }
}
#endif
