#if Engines
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Swage
import SwageFiles
import SwageText
import Synchronization

/// A trainer in another process, at an address that speaks `proto/swage/v1/trainer.proto`.
///
/// ```swift
/// let trainer = try await RemoteTrainer(at: TrainerAddress("localhost:50051"))
/// ```
///
/// A connection that breaks is made again, and the call that it broke is asked for again under the same id: it is carried
/// out once or, if the trainer cannot be reached, reported as ``Swage/TrainerError/Code/connectionLost``. A task that
/// is cancelled waits until the trainer says that the call has not happened, or that it has.
public final class RemoteTrainer: Trainer {
    public let address: TrainerAddress
    private let client: GRPCClient<HTTP2ClientTransport.Posix>
    private let stub: Swage_V1_TrainerService.Client<HTTP2ClientTransport.Posix>
    private let health: Grpc_Health_V1_Health.Client<HTTP2ClientTransport.Posix>
    private let connections: Task<Void, any Error>
    private let options: Options
    private let gate = CallGate(mostCalls: 16, mostBytes: TrainerServer.maximumMessageBytes)
    /// The start of the server whose state this side knows.
    private let instance = Mutex("")

    /// Connects.
    /// - Throws: ``Swage/TrainerError`` with code `connectionLost`, `unauthenticated`, `unsupported` for a server of another
    ///   version, or `invalidOption` for a connection to another machine that would not be encrypted.
    public init(at address: TrainerAddress, options: Options = .init()) async throws {
        guard address.isLocal || options.trustRoots != nil else {
            throw TrainerError(
                .invalidOption, "\(address) is on another machine, and the connection would not be encrypted",
                expected: "trust roots: a PEM file, or system")
        }
        guard options.keptCheckpoints ?? 1 > 0 else {
            throw TrainerError(
                .invalidOption, "keptCheckpoints is \(options.keptCheckpoints ?? 0)", expected: "1 or more, or nil")
        }
        self.address = address
        self.options = options
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
        stub = Swage_V1_TrainerService.Client(wrapping: client)
        health = Grpc_Health_V1_Health.Client(wrapping: client)
        connections = Task { [client] in try await client.runConnections() }
        let found = try await translated { try await self.connect() }
        instance.withLock { $0 = found }
    }

    deinit { client.beginGracefulShutdown() }

    /// Ends the connection. Calls after that fail.
    public func close() async {
        client.beginGracefulShutdown()
        _ = try? await connections.value
    }

    public func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        let bytes = batch.byteCount
        try requireSendable(bytes, "the batch takes", "smaller microbatches")
        let request = try Swage_V1_ForwardBackwardRequest(batch, loss: loss, id: newID())
        let response = try await call(request.requestID, bytes: bytes) {
            try await self.stub.forwardBackward(request, metadata: self.metadata(), options: $0)
        }
        return ForwardBackwardResult(loss: response.loss, metrics: response.metrics)
    }

    /// Checks a request's size before it is packed, which takes as much memory again.
    private func requireSendable(_ bytes: Int, _ what: String, _ expected: String) throws {
        // A mebibyte is for what surrounds the numbers.
        guard bytes <= TrainerServer.maximumMessageBytes - (1 << 20) else {
            throw TrainerError(
                .tooLarge, "\(what) \(bytes) bytes", expected: "less than \(TrainerServer.maximumMessageBytes): \(expected)")
        }
    }

    public func optimStep() async throws -> OptimStepResult {
        let request = Swage_V1_OptimStepRequest.with { $0.requestID = newID() }
        let response = try await call(request.requestID) {
            try await self.stub.optimStep(request, metadata: self.metadata(), options: $0)
        }
        return OptimStepResult(
            step: Int(response.step), learningRate: response.learningRate,
            accumulatedMicrobatches: Int(response.accumulatedMicrobatches), gradientNorm: response.gradientNorm)
    }

    public func clearGradients() async throws {
        _ = try await call { try await self.stub.clearGradients(.init(), metadata: self.metadata(), options: $0) }
    }

    public func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs {
        let bytes = inputs.byteCount
        try requireSendable(bytes, "the inputs take", "fewer rows")
        let request = Swage_V1_ForwardRequest(inputs, id: newID())
        return try await call(request.requestID, bytes: bytes) { options in
            try await self.stub.forward(request, metadata: self.metadata(), options: options) { response in
                var assembly = TensorAssembly()
                for try await piece in response.messages { try assembly.append(piece) }
                return try assembly.outputs()
            }
        }
    }

    /// Lets this trainer's model write. A trainer that cannot says so at the call.
    public var sampler: RemoteSampler { RemoteSampler(self) }

    func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) async throws -> [Completion] {
        let bytes = 4 * prompts.reduce(0) { $0 + $1.count }
        // Token ids are packed in up to five bytes.
        try requireSendable(bytes / 4 * 5, "the prompts take up to", "fewer prompts")
        let request = Swage_V1_GenerateRequest(prompts, options: options, streamsTokens: onToken != nil, id: newID())
        let telling = onToken.map { TokenFeed(prompts: prompts.count, onToken: $0) }
        return try await call(request.requestID, bytes: bytes) { callOptions in
            try await self.stub.generate(request, metadata: self.metadata(), options: callOptions) { response in
                var completions = [Completion?](repeating: nil, count: prompts.count)
                telling?.begin()
                for try await message in response.messages {
                    switch message.event {
                    case .token(let token): telling?.take(Int(clamping: token.prompt), token.token)
                    case .completion(let completion) where completions.indices.contains(Int(clamping: completion.prompt)):
                        completions[Int(completion.prompt)] = try completion.completion
                    default: break
                    }
                }
                guard completions.allSatisfy({ $0 != nil }) else {
                    throw TrainerError(
                        .engineFailed, "\(self.address) has written \(completions.count { $0 != nil }) completions",
                        expected: "\(prompts.count), one a prompt")
                }
                let all = completions.map { $0! }
                telling?.end(all)
                return all
            }
        }
    }

    public func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        guard path == nil, let place else {
            return try await saveThere(name: name, path: path.map(seenFromThere), weightsOnly: weightsOnly)
        }
        let numbered = name == nil ? "\(weightsOnly ? "weights-" : "")step-\(try await status().step)" : nil
        let saved = try await saveThere(name: name ?? numbered, path: place.directory, weightsOnly: weightsOnly)
        if name == nil, !weightsOnly, let kept = options.keptCheckpoints { place.keepNewest(kept, written: saved.path) }
        return saved
    }

    /// Makes sure that the trainer may save below a path, before any work is done.
    /// - Throws: ``Swage/TrainerError`` with code `notAllowed`.
    public func requireAccess(to path: String) async throws {
        do {
            // Nothing is there, and a load that fails changes nothing: a server that may not go there says so first.
            _ = try await load(path + "/no-checkpoint-\(newID())")
        } catch let error as TrainerError where error.code == .notAllowed {
            throw TrainerError(
                .notAllowed, "the trainer at \(address) may not save in \(seenFromThere(path))",
                expected: "a server that was started with --allow \(seenFromThere(path)), or another output folder")
        } catch is TrainerError {}
    }

    private var place: SharedCheckpoints? {
        options.checkpointDirectory.map { SharedCheckpoints(directory: URL(literalPath: $0).standardizedFileURL.path) }
    }

    /// A server on this machine may have been started in another folder.
    private func seenFromThere(_ path: String) -> String {
        guard let start = options.workingDirectory else { return path }
        return URL(literalPath: path, relativeTo: URL(literalPath: start, isDirectory: true)).standardizedFileURL.path
    }

    private func saveThere(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        let request = Swage_V1_SaveRequest.with {
            $0.requestID = newID()
            if let name { $0.name = name }
            if let path { $0.path = path }
            $0.weightsOnly = weightsOnly
        }
        let response = try await call(request.requestID) {
            try await self.stub.save(request, metadata: self.metadata(), options: $0)
        }
        return SavedCheckpoint(path: response.path)
    }

    public func load(_ path: String?) async throws -> LoadedCheckpoint {
        let path = try path.map(seenFromThere) ?? place?.newest()
        let request = Swage_V1_LoadRequest.with {
            $0.requestID = newID()
            if let path { $0.path = path }
        }
        let response = try await call(request.requestID) {
            // A server that was started anew gets its state by this.
            let found = try await self.connect()
            let response = try await self.stub.load(request, metadata: self.metadata(ofInstance: false), options: $0)
            self.instance.withLock { $0 = found }
            return response
        }
        return LoadedCheckpoint(path: response.path, step: Int(response.step), weightsOnly: response.weightsOnly)
    }

    public func config() async throws -> TrainerConfig {
        try await call { try await self.stub.getConfig(.init(), metadata: self.metadata(), options: $0) }.config
    }

    public func status() async throws -> TrainerStatus {
        let response = try await call { try await self.stub.getStatus(.init(), metadata: self.metadata(), options: $0) }
        return TrainerStatus(step: Int(response.step), accumulatedMicrobatches: Int(response.accumulatedMicrobatches))
    }

    public func tokenizer() async throws -> any Tokenizer {
        let response = try await call { try await self.stub.getTokenizer(.init(), metadata: self.metadata(), options: $0) }
        return try BPETokenizer(files: response.files, from: "the trainer at \(address)")
    }

    /// Whether the trainer says that it serves, by gRPC's standard health service.
    public func isServing() async throws -> Bool {
        try await call {
            try await self.health.check(
                .with { $0.service = "swage.v1.TrainerService" }, metadata: self.metadata(ofInstance: false), options: $0)
        }.status == .serving
    }

    private func newID() -> String { UUID().uuidString }

    /// Makes a call, twice if the connection breaks and the call may be asked for again.
    ///
    /// Cancellation is the server's to carry out: it alone knows whether the call has happened.
    /// - Parameter bytes: how many its request takes.
    private func call<Result: Sendable>(
        _ id: String? = nil, bytes: Int = 0, _ body: @escaping @Sendable (CallOptions) async throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        let deadline = options.callTimeout.map { ContinuousClock.now + $0 }
        return try await gate.pass(bytes: bytes, until: deadline) { try await callNow(id, until: deadline, body) }
    }

    private func callNow<Result: Sendable>(
        _ id: String?, until deadline: ContinuousClock.Instant?, _ body: @escaping @Sendable (CallOptions) async throws -> Result
    ) async throws -> Result {
        var callOptions = CallOptions.defaults
        // A call that has waited too long fails by its deadline, which has to be above 0 to be one.
        callOptions.timeout = deadline.map { max(.milliseconds(1), ContinuousClock.now.duration(to: $0)) }
        callOptions.maxResponseMessageBytes = TrainerServer.maximumMessageBytes
        let task = Task { [callOptions] in
            try await translated {
                // A connection that is lost may be lost again before it is used.
                let giveUp = ContinuousClock.now + options.connectTimeout
                while true {
                    do {
                        return try await body(callOptions)
                    } catch let error as RPCError where error.code == .unavailable && ContinuousClock.now < giveUp {
                        try await Task.sleep(for: .milliseconds(20))
                        do {
                            _ = try await connect()
                        } catch let error as RPCError where error.code == .unavailable {}
                    }
                }
            }
        }
        let watch = ConnectionWatch { [self, metadata = metadata()] in try await look(metadata) } lost: { task.cancel() }
        defer { watch.end() }
        return try await withTaskCancellationHandler {
            do {
                return try await task.value
            } catch {
                throw watch.loss.map { TrainerError($0, from: "\(address)") } ?? error
            }
        } onCancel: { [stub, metadata = metadata(), connectTimeout = options.connectTimeout] in
            guard let id else { return }
            Task {
                var callOptions = CallOptions.defaults
                callOptions.timeout = connectTimeout
                do {
                    _ = try await stub.cancel(.with { $0.requestID = id }, metadata: metadata, options: callOptions)
                } catch {
                    // Nobody is there to carry it out, or to say whether the call has happened.
                    task.cancel()
                }
            }
        }
    }

    /// Makes sure that the trainer is there, which answers while a call is under way.
    private func look(_ metadata: Metadata) async throws {
        var callOptions = CallOptions.defaults
        callOptions.timeout = options.connectTimeout
        _ = try await stub.getStatus(.init(), metadata: metadata, options: callOptions)
    }

    /// Waits for a connection, and returns which start of the server it leads to.
    private func connect() async throws -> String {
        var callOptions = CallOptions.defaults
        callOptions.timeout = options.connectTimeout
        callOptions.waitForReady = true
        do {
            return try await stub.connect(
                .with { $0.versions = [TrainerService.version] }, metadata: metadata(ofInstance: false), options: callOptions
            ).instance
        } catch let error as RPCError where error.code == .deadlineExceeded {
            throw RPCError(code: .unavailable, message: "no connection came about in \(options.connectTimeout)")
        }
    }

    private func metadata(ofInstance: Bool = true) -> Metadata {
        var metadata = Metadata()
        if let token = options.token { metadata.addString("Bearer \(token)", forKey: "authorization") }
        let known = instance.withLock { $0 }
        if ofInstance, !known.isEmpty { metadata.addString(known, forKey: InstanceCheck.key) }
        return metadata
    }

    /// Throws what a call throws in the words of the protocol.
    private func translated<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as RPCError {
            // What a connection says that breaks while its caller ends it is nobody's fault.
            if error.code == .cancelled || (Task.isCancelled && error.isOfTransport) { throw CancellationError() }
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
