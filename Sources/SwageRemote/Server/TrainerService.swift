#if Engines
import Foundation
package import GRPCCore
import Swage
import SwageFiles
import SwageText
import SwiftProtobuf

/// Serves any ``Swage/Trainer`` to other processes: the service of `proto/swage/v1/trainer.proto`.
///
/// Errors travel as they are, and a request that comes twice is carried out once.
package struct TrainerService: Sendable {
    /// The versions of the service that this side speaks. Before 2, metrics of loss programs had no kinds.
    static let versions: [Int32] = [1, 2]

    /// Tells this start of the service from any other.
    let instance = UUID().uuidString
    private let trainer: any Trainer
    private let sampler: (any Sampler)?
    private let folders: ServedFolders
    private let digests: [String: String]
    private let log = RequestLog()
    private let closing = Closing()
    private let calls: Held
    /// The bytes of answers that their clients have not read yet.
    private let answers: Held

    /// - Parameters:
    ///   - sampler: writes with the trainer's weights; nil for a trainer that cannot.
    ///   - folders: in which callers may save and load.
    init(
        _ trainer: any Trainer, sampler: (any Sampler)?, folders: ServedFolders, digests: [String: String] = [:],
        limits: TrainerServer.Limits
    ) {
        (self.trainer, self.sampler, self.folders, self.digests) = (trainer, sampler, folders, digests)
        calls = Held(limit: limits.calls)
        answers = Held(limit: limits.answerBytes)
    }

    /// Takes no more work, waits until what was learned is saved, and saves it if nobody else does.
    /// - Parameter waiting: how long after the last call; nothing is waited for or saved if it is 0.
    /// - Returns: the checkpoint that was written; nil if none had to be.
    func close(waiting: Duration) async throws -> String? {
        guard waiting > .zero, await closing.close(waiting: waiting) else { return nil }
        // Under a name of its own: step-N may be what somebody has saved on purpose.
        let name = "left-at-step-\(try await trainer.status().step)-\(instance.prefix(8))"
        return try await trainer.save(name: name).path
    }

    /// Returns when no call is under way.
    func finishCalls() async { await closing.finishCalls() }

    /// Carries a request out, once for each id, and ends it when all its callers are gone.
    /// - Parameters:
    ///   - use: what it does to the trainer.
    ///   - bytes: how much it takes to keep an answer; nil for one that is not kept.
    private func answer<Response: Sendable>(
        _ context: ServerContext, _ id: String = "", _ use: Closing.Use = .other, bytes: @escaping @Sendable (Response) -> Int? = { _ in 512 },
        _ body: @escaping @Sendable () async throws -> Response
    ) async throws -> Response {
        guard calls.take(1) else {
            throw RPCError(
                TrainerError(.busy, "\(calls.limit) calls wait here already, and this one was not taken", expected: "fewer at once"))
        }
        defer { calls.release(1) }
        let (log, closing) = (log, closing)
        let caller = log.newCaller()
        let call = Task {
            do {
                return try await closing.admit(use) {
                    try await log.once(id, context.descriptor.method, caller: caller, bytes: bytes, body)
                }
            } catch {
                throw RPCError(error)
            }
        }
        return try await withRPCCancellationHandler {
            try await call.value
        } onCancelRPC: {
            call.cancel()
            Task { await log.leave(id, caller) }
        }
    }
}

extension TrainerService: Swage_V1_TrainerService.SimpleServiceProtocol {
    package func connect(request: Swage_V1_ConnectRequest, context: ServerContext) async throws -> Swage_V1_ConnectResponse {
        guard let version = Self.versions.last(where: request.versions.contains) else {
            throw RPCError(
                TrainerError(
                    .unsupported, "the caller speaks versions \(request.versions) of the trainer service",
                    expected: "one of \(Self.versions)"))
        }
        return .with {
            $0.version = version
            $0.instance = instance
        }
    }

    package func forwardBackward(
        request: Swage_V1_ForwardBackwardRequest, context: ServerContext
    ) async throws -> Swage_V1_ForwardBackwardResponse {
        try await answer(context, request.requestID, .work) {
            .init(try await trainer.forwardBackward(try request.batch(), loss: try request.lossFunction()))
        }
    }

    package func optimStep(
        request: Swage_V1_OptimStepRequest, context: ServerContext
    ) async throws -> Swage_V1_OptimStepResponse {
        try await answer(context, request.requestID, .work) {
            let result = try await trainer.optimStep(try request.optimizerOptions())
            closing.hasLearned()
            return .with {
                $0.step = Int64(result.step)
                $0.learningRate = result.learningRate
                $0.accumulatedMicrobatches = Int64(result.accumulatedMicrobatches)
                $0.gradientNorm = result.gradientNorm
            }
        }
    }

    package func clearGradients(
        request: Swage_V1_ClearGradientsRequest, context: ServerContext
    ) async throws -> Swage_V1_ClearGradientsResponse {
        try await answer(context) {
            try await trainer.clearGradients()
            return .init()
        }
    }

    package func forward(
        request: Swage_V1_ForwardRequest, response: RPCWriter<Swage_V1_TensorPiece>, context: ServerContext
    ) async throws {
        let outputs = try await answer(context, request.requestID, .work, bytes: { _ in nil }) {
            try await trainer.forward(try request.inputs())
        }
        let bytes = outputs.byteCount
        guard answers.take(bytes) else {
            throw RPCError(
                TrainerError(
                    .busy, "answers of \(answers.limit) bytes wait here to be read already, and this one takes \(bytes)",
                    expected: "that those are read first"))
        }
        defer { answers.release(bytes) }
        for (output, tensor) in outputs.named {
            for piece in tensor.pieces(output.rawValue) { try await response.write(piece) }
        }
    }

    package func generate(
        request: Swage_V1_GenerateRequest, response: RPCWriter<Swage_V1_GenerateEvent>, context: ServerContext
    ) async throws {
        let (events, feed) = AsyncStream.makeStream(of: Swage_V1_GenerateEvent.self)
        async let completions = complete(request, context, into: feed)
        for await event in events { try await response.write(event) }
        for (index, completion) in try await completions.enumerated() {
            try await response.write(.with { $0.completion = .init(completion, prompt: index) })
        }
    }

    /// Writes what the request asks for, and feeds each token if it asks for that.
    private func complete(
        _ request: Swage_V1_GenerateRequest, _ context: ServerContext, into feed: AsyncStream<Swage_V1_GenerateEvent>.Continuation
    ) async throws -> [Completion] {
        defer { feed.finish() }
        return try await answer(context, request.requestID, .work, bytes: { $0.reduce(512) { $0 + 64 + 8 * $1.tokens.count } }) {
            guard let sampler else { throw TrainerError(.unsupported, "this trainer does not write") }
            let onToken: @Sendable (Int, Int32) -> Void = { prompt, token in
                var event = Swage_V1_GenerateEvent()
                event.token.prompt = Int64(prompt)
                event.token.token = token
                feed.yield(event)
            }
            return try await sampler.generate(
                request.prompts.map(\.tokens), options: request.options, onToken: request.streamsTokens ? onToken : nil)
        }
    }

    package func save(request: Swage_V1_SaveRequest, context: ServerContext) async throws -> Swage_V1_SaveResponse {
        try await answer(context, request.requestID) {
            let (name, path) = try folders.destination(
                name: request.hasName ? request.name : nil, path: request.hasPath ? request.path : nil)
            let saved = try await trainer.save(name: name, path: path, weightsOnly: request.weightsOnly)
            if !request.weightsOnly { closing.hasSaved() }
            return .with { $0.path = Self.seenFromElsewhere(saved.path) }
        }
    }

    package func load(request: Swage_V1_LoadRequest, context: ServerContext) async throws -> Swage_V1_LoadResponse {
        try await answer(context, request.requestID, .work) {
            let loaded = try await trainer.load(try folders.source(request.hasPath ? request.path : nil))
            closing.hasSaved()
            return .with {
                $0.path = Self.seenFromElsewhere(loaded.path)
                $0.step = Int64(loaded.step)
                $0.weightsOnly = loaded.weightsOnly
            }
        }
    }

    /// A caller may be in another folder.
    private static func seenFromElsewhere(_ path: String) -> String { URL(literalPath: path).standardizedFileURL.path }

    package func getConfig(
        request: Swage_V1_GetConfigRequest, context: ServerContext
    ) async throws -> Swage_V1_GetConfigResponse {
        try await answer(context) {
            var response = Swage_V1_GetConfigResponse(try await trainer.config().adding(digests: digests))
            response.capabilities.generates = sampler != nil
            return response
        }
    }

    package func getStatus(
        request: Swage_V1_GetStatusRequest, context: ServerContext
    ) async throws -> Swage_V1_GetStatusResponse {
        try await answer(context) {
            let status = try await trainer.status()
            return .with {
                $0.step = Int64(status.step)
                $0.accumulatedMicrobatches = Int64(status.accumulatedMicrobatches)
            }
        }
    }

    package func getTokenizer(
        request: Swage_V1_GetTokenizerRequest, context: ServerContext
    ) async throws -> Swage_V1_GetTokenizerResponse {
        try await answer(context) {
            let tokenizer = try await trainer.tokenizer()
            if let files = try (tokenizer as? TextTokenizer)?.files() { return .with { $0.files = files } }
            let tokens = try (0..<Int32(clamping: tokenizer.vocabularySize)).map { Data(try tokenizer.bytes(of: $0)) }
            return .with { ($0.tokens, $0.endOfSequenceIds) = (tokens, tokenizer.endOfSequenceIDs) }
        }
    }

    package func encode(request: Swage_V1_EncodeRequest, context: ServerContext) async throws -> Swage_V1_EncodeResponse {
        try await answer(context) { try request.response(by: try await trainer.tokenizer()) }
    }

    package func decode(request: Swage_V1_DecodeRequest, context: ServerContext) async throws -> Swage_V1_DecodeResponse {
        try await answer(context) {
            let text = try await trainer.tokenizer().decode(request.ids, skipSpecialTokens: request.skipSpecialTokens)
            return .with { $0.text = text }
        }
    }

    package func cancel(request: Swage_V1_CancelRequest, context: ServerContext) async throws -> Swage_V1_CancelResponse {
        do {
            try await log.cancel(request.requestID)
        } catch {
            throw RPCError(error)
        }
        return .init()
    }
}
#endif
