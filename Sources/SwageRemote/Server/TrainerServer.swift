#if Engines
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import NIOCore
public import Swage
import Synchronization

/// A process's end of the trainer service: serves one trainer at one address, until its task is cancelled.
///
/// What leaves this machine is encrypted and needs a token; on loopback and on a Unix socket both are optional.
public struct TrainerServer: Sendable {
    /// The largest request, in bytes: token ids and what losses read, with much room.
    public static let maximumMessageBytes = 256 << 20

    /// The files, in PEM, by which a server proves who it is.
    public struct Identity: Sendable {
        /// The path of the file of certificates: the server's own first, then those that vouch for it.
        public var certificateChain: String
        /// The path of the file of the key that belongs to the server's certificate.
        public var privateKey: String

        /// Names both files; they are read when the server runs.
        public init(certificateChain: String, privateKey: String) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
        }
    }

    private let address: TrainerAddress
    private let identity: Identity?
    private let service: TrainerService
    private let token: BearerTokenCheck?
    private let limits: Limits
    private let connections = Connections()

    /// - Parameters:
    ///   - trainer: what is served.
    ///   - sampler: writes with the trainer's weights; nil for a trainer that cannot.
    ///   - address: where to listen; port 0 lets the system choose one.
    ///   - checkpoints: the trainer's default place of checkpoints. Below it, and nowhere else, callers may name paths for
    ///     `save` and `load`, and relative ones begin there. Nil: they name no paths, and save where the trainer does.
    ///   - allowed: more folders below which they may name paths. All of them are made if they are not there.
    ///   - token: what callers have to know.
    ///   - identity: proves who the server is, to callers whose connections are encrypted then; nil for no encryption.
    ///   - digests: what the trainer was made of, by what it is, such as `the model`. Runs of clients go on only with the same.
    ///   - limits: how much it does at once.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for an open door, or `inputOutput` for a folder that cannot
    ///   be made.
    public init(
        _ trainer: any Trainer, sampler: (any Sampler)? = nil, at address: TrainerAddress, checkpoints: String? = nil,
        allowing allowed: [String] = [], token: String? = nil, identity: Identity? = nil,
        digests: [String: String] = [:], limits: Limits = .init()
    ) throws {
        guard address.isLocal || (token != nil && identity != nil) else {
            throw TrainerError(
                .invalidOption, "\(address) can be reached from other machines",
                expected: "a token, a certificate and its private key, or an address on loopback")
        }
        (self.address, self.identity, self.limits) = (address, identity, limits)
        self.token = try token.map { try BearerTokenCheck(token: $0) }
        service = TrainerService(
            trainer, sampler: sampler, folders: try ServedFolders(checkpoints: checkpoints, allowing: allowed),
            digests: digests, limits: limits)
    }

    /// Serves until the task is cancelled. Then calls that are under way come to their end, and of others those alone are
    /// taken that save what was learned; what nobody saves is saved in the trainer's default place (``Limits/saving``).
    /// - Parameters:
    ///   - ready: called with the address, once the server can be reached there.
    ///   - saved: called with the checkpoint of what nobody else has saved.
    /// - Throws: ``Swage/TrainerError`` with code `inputOutput`, or `invalidOption` if something is at the path of a socket.
    public func run(
        ready: @Sendable (TrainerAddress) -> Void, saved: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws {
        OpenFiles.raiseLimit()
        let security = try Self.security(identity)
        guard case .socket(let path) = address.kind else {
            let transport = HTTP2ServerTransport.Posix(
                address: address.socketAddress, transportSecurity: security, config: config)
            return try await run(transport, ready, saved)
        }
        let listener = try UnixListener(path: path)
        defer { listener.removeFile() }
        let transport = HTTP2ServerTransport.Posix(
            listeningSocketDescriptor: Int(listener.descriptor), transportSecurity: security, config: config)
        try await run(transport, ready, saved)
    }

    private func run(
        _ transport: HTTP2ServerTransport.Posix, _ ready: @Sendable (TrainerAddress) -> Void,
        _ saved: @escaping @Sendable (String) -> Void
    ) async throws {
        var interceptors: [any ServerInterceptor] = [InstanceCheck(instance: service.instance), MessageCheck()]
        if let token { interceptors.insert(token, at: 0) }
        let server = GRPCServer(transport: transport, services: [service, HealthService()], interceptors: interceptors)
        // In a task of its own: a cancellation has to let it come to its end.
        let serving = Task { try await server.serve() }
        let ending = Mutex<Task<Void, any Error>?>(nil)
        do {
            try await withTaskCancellationHandler {
                do {
                    ready(try await listeningAddress(transport))
                } catch {
                    server.beginGracefulShutdown()
                    try await serving.value
                    throw error
                }
                try await serving.value
            } onCancel: {
                ending.withLock { $0 = Task { try await close(server, saved) } }
            }
            try await ending.withLock { $0 }?.value
        } catch let error as RuntimeError {
            if Task.isCancelled { return }
            throw TrainerError(.inputOutput, "\(address) cannot be served: \(error)", expected: "an address that is free")
        }
    }

    private func close(
        _ server: GRPCServer<HTTP2ServerTransport.Posix>, _ saved: @Sendable (String) -> Void
    ) async throws {
        defer {
            server.beginGracefulShutdown()
            // Most clients end their connections by then, and nobody waits for this.
            Task { await closeConnections() }
        }
        if let path = try await service.close(waiting: limits.saving) { saved(path) }
    }

    /// Ends what clients leave open, when answers have had time to arrive.
    private func closeConnections() async {
        await service.finishCalls()
        try? await Task.sleep(for: min(.seconds(3), limits.stall))
        connections.close()
    }

    private var config: HTTP2ServerTransport.Posix.Config {
        .defaults { [limits, connections] config in
            config.rpc.maxRequestPayloadSize = Self.maximumMessageBytes
            config.http2.targetWindowSize = 8 << 20
            config.http2.maxFrameSize = 1 << 20
            // What is not said is enforced all the same, by the end of the connection.
            config.http2.maxConcurrentStreams = limits.callsOfAConnection
            config.connection.maxIdleTime = limits.idle
            config.connection.keepalive.time = limits.stall
            config.connection.keepalive.clientBehavior.allowWithoutCalls = true
            config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(1)
            config.channelDebuggingCallbacks.onAcceptTCPConnection = { connection in
                connections.add(connection)
                return connection.eventLoop.makeSucceededVoidFuture()
            }
            let requests = Held(limit: limits.requestBytes)
            config.channelDebuggingCallbacks.onAcceptHTTP2Stream = { stream in
                stream.eventLoop.makeCompletedFuture {
                    try stream.pipeline.syncOperations.addHandler(CallGuard(limits, requests: requests), position: .first)
                }
            }
        }
    }

    private func listeningAddress(_ transport: HTTP2ServerTransport.Posix) async throws -> TrainerAddress {
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
