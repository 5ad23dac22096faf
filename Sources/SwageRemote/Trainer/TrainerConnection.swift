#if Engines
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Swage
import SwageFiles
import SwiftProtobuf
import Synchronization

/// A connection to a trainer in another process, and how calls are made on it.
final class TrainerConnection: Sendable {
    typealias Stub = Swage_V1_TrainerService.Client<HTTP2ClientTransport.Posix>

    /// Makes one call with what goes along with it.
    typealias Body<Result> = @Sendable (Stub, Metadata, CallOptions) async throws -> Result

    let address: TrainerAddress
    private let stub: Stub
    private let health: Grpc_Health_V1_Health.Client<HTTP2ClientTransport.Posix>
    private let client: GRPCClient<HTTP2ClientTransport.Posix>
    private let running: Task<Void, any Error>
    private let options: RemoteTrainer.Options
    private let silences = ConnectionWatch.Silences()
    private let executor: CallExecutor?
    private let gate = CallGate(mostCalls: 16, mostBytes: TrainerServer.maximumMessageBytes)
    private let known = Mutex(Server(instance: "", version: TrainerService.versions.last!))

    /// The start of a server whose state this side knows, and what both speak.
    private struct Server {
        var instance: String
        var version: Int32
    }

    /// The version of the service that the trainer speaks as well.
    var version: Int32 { known.withLock(\.version) }

    /// - Parameter executor: what runs it, where callers will hold their threads until they are answered; nil for what runs any.
    /// - Throws: ``Swage/TrainerError``, as ``RemoteTrainer/init(at:options:)`` does.
    init(to address: TrainerAddress, options: RemoteTrainer.Options, on executor: CallExecutor? = nil) async throws {
        guard address.isLocal || options.trustRoots != nil else {
            throw TrainerError(
                .invalidOption, "\(address) is on another machine, and the connection would not be encrypted",
                expected: "trust roots: a PEM file, or system")
        }
        (self.address, self.options, self.executor) = (address, options, executor)
        client = GRPCClient(
            transport: try HTTP2ClientTransport.Posix(
                target: address.target(encrypted: options.trustRoots != nil), transportSecurity: Self.security(options.trustRoots),
                config: .defaults { config in
                    config.http2.targetWindowSize = 8 << 20
                    config.http2.maxFrameSize = 1 << 20
                    config.backoff.initial = .milliseconds(50)
                    config.backoff.max = .seconds(1)
                    // Notices within seconds that the other end is gone without a word.
                    config.connection.keepalive = .init(time: .seconds(10), timeout: .seconds(5), allowWithoutCalls: false)
                }))
        stub = Stub(wrapping: client)
        health = Grpc_Health_V1_Health.Client(wrapping: client)
        running = Task(executorPreference: executor) { [client] in try await client.runConnections() }
        let first = FirstResult<Server>()
        let task = first.follow(on: executor) { try await self.translated { try await self.connect() } }
        let found = try await withTaskCancellationHandler {
            try await first.value()
        } onCancel: {
            Self.abandon(task, first)
        }
        known.withLock { $0 = found }
    }

    deinit { client.beginGracefulShutdown() }

    func close() async {
        client.beginGracefulShutdown()
        _ = try? await running.value
    }

    /// Makes a call, twice if the connection breaks and the call may be asked for again.
    ///
    /// Cancellation is the server's to carry out: it alone knows whether the call has happened.
    /// - Parameter bytes: how many its request takes.
    func call<Result: Sendable>(_ id: String? = nil, bytes: Int = 0, _ body: @escaping Body<Result>) async throws -> Result {
        try await attempt(id, bytes: bytes) { try await body(self.stub, self.metadata(), $0) }
    }

    /// Makes a call that gives a trainer its state, whichever start of the server it is.
    func begin<Result: Sendable>(_ id: String, _ body: @escaping Body<Result>) async throws -> Result {
        try await attempt(id) {
            let found = try await self.connect()
            let result = try await body(self.stub, self.metadata(ofInstance: false), $0)
            self.known.withLock { $0 = found }
            return result
        }
    }

    /// Makes a call, and holds the thread until it is answered, for who cannot wait otherwise. The connection has an executor.
    func waiting<Result: Sendable>(_ body: @escaping Body<Result>) throws -> Result {
        let answer = Mutex(Swift.Result<Result, any Error>?.none)
        let answered = DispatchSemaphore(value: 0)
        Task(executorPreference: executor) {
            do {
                let result: Result = try await self.call(nil, bytes: 0, body)
                answer.withLock { $0 = .success(result) }
            } catch {
                answer.withLock { $0 = .failure(error) }
            }
            answered.signal()
        }
        answered.wait()
        return try answer.withLock { $0! }.get()
    }

    func isServing() async throws -> Bool {
        try await attempt {
            try await self.health.check(
                .with { $0.service = "swage.v1.TrainerService" }, metadata: self.metadata(ofInstance: false), options: $0)
        }.status == .serving
    }

    private func attempt<Result: Sendable>(
        _ id: String? = nil, bytes: Int = 0, _ body: @escaping @Sendable (CallOptions) async throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        let deadline = options.callTimeout.map { ContinuousClock.now + $0 }
        return try await gate.pass(bytes: bytes, until: deadline) { try await attemptNow(id, until: deadline, body) }
    }

    private func attemptNow<Result: Sendable>(
        _ id: String?, until deadline: ContinuousClock.Instant?, _ body: @escaping @Sendable (CallOptions) async throws -> Result
    ) async throws -> Result {
        var callOptions = CallOptions.defaults
        // A call that has waited too long fails by its deadline, which has to be above 0 to be one.
        callOptions.timeout = deadline.map { max(.milliseconds(1), ContinuousClock.now.duration(to: $0)) }
        callOptions.maxResponseMessageBytes = TrainerServer.maximumMessageBytes
        // grpc-swift-nio-transport 2.9 takes the limit of requests for that of responses.
        callOptions.maxRequestMessageBytes = TrainerServer.maximumMessageBytes
        let first = FirstResult<Result>()
        let task = first.follow(on: executor) { [callOptions] in
            try await self.translated {
                try await self.repeating {
                    if self.options.repeatsRequests, id != nil {
                        async let atOnce = body(callOptions)
                        _ = try await (body(callOptions), atOnce)
                    }
                    return try await body(callOptions)
                }
            }
        }
        let watch = ConnectionWatch(on: executor, silences: silences) { [self, metadata = metadata()] in
            try await look(metadata)
        } lost: {
            Self.abandon(task, first)
        }
        defer { watch.end() }
        return try await withTaskCancellationHandler {
            do {
                return try await first.value()
            } catch {
                throw watch.loss.map { TrainerError($0, from: "\(address)") } ?? error
            }
        } onCancel: { [stub, executor, metadata = metadata(), patience] in
            guard let id else { return }
            Task(executorPreference: executor) {
                var callOptions = CallOptions.defaults
                callOptions.timeout = patience
                do {
                    _ = try await stub.cancel(.with { $0.requestID = id }, metadata: metadata, options: callOptions)
                } catch let error as RPCError where error.code == .unimplemented {
                    // The call runs to its end, and says what it has done.
                } catch {
                    // Nobody is there to carry it out, or to say whether the call has happened.
                    Self.abandon(task, first)
                }
            }
        }
    }

    /// Ends a call and the waiting for it. gRPC loses a cancellation that comes before a call has begun to wait for a connection
    /// (grpc-swift-nio-transport 2.9, `GRPCChannel.enqueue`): its own end may never come.
    private static func abandon<Result: Sendable>(_ task: Task<Void, Never>, _ first: FirstResult<Result>) {
        first.settle(.failure(CancellationError()))
        task.cancel()
    }

    /// Makes a call again whose connection is lost, which may be lost again before it is used.
    private func repeating<Result>(_ body: () async throws -> Result) async throws -> Result {
        var giveUp: ContinuousClock.Instant?
        while true {
            let start = ContinuousClock.now
            do {
                // A call on a connection that does not come about would wait for ever.
                if giveUp != nil { _ = try await connect() }
                return try await body()
            } catch let error as RPCError where error.code == .unavailable {
                let now = ContinuousClock.now
                if giveUp == nil || start.duration(to: now) > options.connectTimeout * 2 { giveUp = now + options.connectTimeout }
                guard now < giveUp! else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Makes sure that the trainer is there, which answers while a call is under way.
    private func look(_ metadata: Metadata) async throws {
        var callOptions = CallOptions.defaults
        callOptions.timeout = patience
        _ = try await stub.getStatus(.init(), metadata: metadata, options: callOptions)
    }

    /// How long a trainer that is there may take to answer beside its work.
    private var patience: Duration { max(options.connectTimeout, .seconds(10)) }

    /// Waits for a connection, and returns which start of the server it leads to.
    private func connect() async throws -> Server {
        var callOptions = CallOptions.defaults
        callOptions.timeout = options.connectTimeout
        callOptions.waitForReady = true
        do {
            let response = try await stub.connect(
                .with { $0.versions = TrainerService.versions }, metadata: metadata(ofInstance: false), options: callOptions)
            guard TrainerService.versions.contains(response.version) else {
                throw TrainerError(
                    .unsupported, "the trainer at \(address) answers with version \(response.version) of the service",
                    expected: "one of \(TrainerService.versions)")
            }
            return Server(instance: response.instance, version: response.version)
        } catch let error as RPCError where error.code == .deadlineExceeded {
            throw RPCError(code: .unavailable, message: "no connection came about in \(options.connectTimeout)")
        }
    }

    private func metadata(ofInstance: Bool = true) -> Metadata {
        var metadata = Metadata()
        if let token = options.token { metadata.addString("Bearer \(token)", forKey: "authorization") }
        let instance = known.withLock(\.instance)
        if ofInstance, !instance.isEmpty { metadata.addString(instance, forKey: InstanceCheck.key) }
        return metadata
    }

    /// Throws what a call throws in the words of the protocol.
    private func translated<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as RPCError {
            // What a connection says that breaks while its caller ends it is nobody's fault.
            let isCancellation = error.code == .cancelled && !error.namesError
            if isCancellation || (Task.isCancelled && error.isOfTransport) { throw CancellationError() }
            throw TrainerError(error, from: "\(address)")
        }
    }

    private static func security(_ trustRoots: String?) -> HTTP2ClientTransport.Posix.TransportSecurity {
        switch trustRoots {
        case nil: .plaintext
        case "system": .tls
        case let path?: .tls { $0.trustRoots = .certificates([.file(path: path, format: .pem)]) }
        }
    }
}
#endif
