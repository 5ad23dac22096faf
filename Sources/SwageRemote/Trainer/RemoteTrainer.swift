#if Engines
import Foundation
import GRPCCore
public import Swage
import SwageFiles
import SwageText
import SwiftProtobuf

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
    private let connection: TrainerConnection
    private let options: Options

    /// Where the trainer is served, as it was given.
    public var address: TrainerAddress { connection.address }

    /// Connects.
    /// - Throws: ``Swage/TrainerError`` with code `connectionLost`, `unauthenticated`, `unsupported` for a server of another
    ///   version, or `invalidOption` for a connection to another machine that would not be encrypted.
    public init(at address: TrainerAddress, options: Options = .init()) async throws {
        guard options.keptCheckpoints ?? 1 > 0 else {
            throw TrainerError(
                .invalidOption, "keptCheckpoints is \(options.keptCheckpoints ?? 0)", expected: "1 or more, or nil")
        }
        self.options = options
        connection = try await TrainerConnection(to: address, options: options)
    }

    /// Ends the connection. Calls after that fail.
    public func close() async { await connection.close() }

    public func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        let bytes = batch.byteCount
        try requireSendable(bytes, "the batch takes", "smaller microbatches")
        let request = try Swage_V1_ForwardBackwardRequest(batch, loss: loss, id: newID(), version: connection.version)
        let response = try await connection.call(request.requestID, bytes: bytes) {
            try await $0.forwardBackward(request, metadata: $1, options: $2)
        }
        return response.result(targetCount: batch.targetCount)
    }

    /// Checks a request's size before it is packed, which takes as much memory again.
    private func requireSendable(_ bytes: Int, _ what: String, _ expected: String) throws {
        // A mebibyte is for what surrounds the numbers.
        let most = TrainerServer.maximumMessageBytes - (1 << 20)
        guard bytes <= most else {
            throw TrainerError(.tooLarge, "\(what) \(bytes) bytes", expected: "at most \(most): \(expected)")
        }
    }

    public func optimStep(_ optimizer: OptimizerOptions?) async throws -> OptimStepResult {
        try optimizer?.validate()
        // A trainer that does not know these options would take its own, and not say so.
        if optimizer != nil, try await !config().capabilities.optimizerPerStep {
            throw TrainerError(
                .unsupported, "this trainer takes no optimizer of one step", expected: "the options it was started with")
        }
        let request = Swage_V1_OptimStepRequest.with {
            $0.requestID = newID()
            if let optimizer { $0.optimizer = .init(optimizer) }
        }
        let response = try await connection.call(request.requestID) {
            try await $0.optimStep(request, metadata: $1, options: $2)
        }
        return OptimStepResult(
            step: Int(response.step), learningRate: response.learningRate,
            accumulatedMicrobatches: Int(response.accumulatedMicrobatches), gradientNorm: response.gradientNorm)
    }

    public func clearGradients() async throws {
        _ = try await connection.call { try await $0.clearGradients(.init(), metadata: $1, options: $2) }
    }

    public func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs {
        let bytes = inputs.byteCount
        try requireSendable(bytes, "the inputs take", "fewer rows")
        let request = Swage_V1_ForwardRequest(inputs, id: newID())
        return try await connection.call(request.requestID, bytes: bytes) { stub, metadata, options in
            try await stub.forward(request, metadata: metadata, options: options) { response in
                var assembly = TensorAssembly()
                for try await piece in response.messages { try assembly.append(piece) }
                return try assembly.outputs().answering(inputs)
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
        return try await connection.call(request.requestID, bytes: bytes) { [address] stub, metadata, callOptions in
            try await stub.generate(request, metadata: metadata, options: callOptions) { response in
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
                        .engineFailed, "\(address) has written \(completions.count { $0 != nil }) completions",
                        expected: "\(prompts.count), one a prompt")
                }
                let all = try completions.map { $0! }.answering(prompts: prompts.count, options)
                telling?.end(all)
                return all
            }
        }
    }

    public func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        guard path == nil, let place else {
            let path = path.map(seenFromThere)
            let saved = try await saveThere(name: name, path: path, weightsOnly: weightsOnly)
            // Where both see the same files, it can be said where that is.
            if let path, place != nil { try check(saved, isAt: name.map { "\(path)/\($0)" } ?? path) }
            return saved
        }
        let numbered = name == nil ? "\(weightsOnly ? "weights-" : "")step-\(try await status().step)" : nil
        let saved = try await saveThere(name: name ?? numbered, path: place.directory, weightsOnly: weightsOnly)
        try check(saved, isAt: "\(place.directory)/\(name ?? numbered!)")
        if name == nil, !weightsOnly, let kept = options.keptCheckpoints { place.keepNewest(kept, written: saved.path) }
        return saved
    }

    private func check(_ saved: SavedCheckpoint, isAt path: String) throws {
        guard ResolvedPath(saved.path).text == ResolvedPath(path).text else {
            throw TrainerError(.engineFailed, "the trainer at \(address) has saved at \"\(saved.path)\"", expected: path)
        }
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
        let response = try await connection.call(request.requestID) {
            try await $0.save(request, metadata: $1, options: $2)
        }
        return SavedCheckpoint(path: response.path)
    }

    public func load(_ path: String?) async throws -> LoadedCheckpoint {
        guard path == nil, let place else { return try await loadThere(path.map(seenFromThere)) }
        let candidates = try place.candidates()
        for candidate in candidates.dropLast() {
            do {
                return try await loadThere(candidate)
            } catch let error as TrainerError where [.corruptFile, .checkpointNotFound].contains(error.code) {}
        }
        return try await loadThere(candidates.last)
    }

    private func loadThere(_ path: String?) async throws -> LoadedCheckpoint {
        let request = Swage_V1_LoadRequest.with {
            $0.requestID = newID()
            if let path { $0.path = path }
        }
        let response = try await connection.begin(request.requestID) {
            try await $0.load(request, metadata: $1, options: $2)
        }
        return LoadedCheckpoint(path: response.path, step: Int(response.step), weightsOnly: response.weightsOnly)
    }

    public func config() async throws -> TrainerConfig {
        try await connection.call { try await $0.getConfig(.init(), metadata: $1, options: $2) }.config
    }

    public func status() async throws -> TrainerStatus {
        let response = try await connection.call { try await $0.getStatus(.init(), metadata: $1, options: $2) }
        return TrainerStatus(step: Int(response.step), accumulatedMicrobatches: Int(response.accumulatedMicrobatches))
    }

    public func tokenizer() async throws -> any Tokenizer {
        let response = try await connection.call { try await $0.getTokenizer(.init(), metadata: $1, options: $2) }
        guard response.files.isEmpty, !response.tokens.isEmpty else {
            return try TextTokenizer(files: response.files, from: "the trainer at \(address)")
        }
        return RemoteTokenizer(response, try await TrainerConnection(to: address, options: options, on: CallExecutor()))
    }

    /// Whether the trainer says that it serves, by gRPC's standard health service.
    public func isServing() async throws -> Bool { try await connection.isServing() }

    private func newID() -> String { UUID().uuidString }
}
#endif
