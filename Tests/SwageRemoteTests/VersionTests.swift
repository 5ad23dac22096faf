#if Engines
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Swage
import SwageRemote
import TestEngines
import TestSupport
import Testing

/// Version 1 of the service, in which metrics had no kinds and answers no sum, beside version 2.
@Suite struct VersionTests {
    @Test func aClientOfVersion1IsAnsweredAsItWas() async throws {
        let served = try await ServedTrainer(try await TinyModel.trainer())
        try await OddRequests.withStub(served.address) { stub in
            #expect(try await stub.connect(.with { $0.versions = [1] }).version == 1)
            #expect(try await stub.connect(.with { $0.versions = [1, 2] }).version == 2)
            var request = try Swage_V1_ForwardBackwardRequest(TinyModel.batch, loss: .crossEntropy, id: "one", version: 1)
            #expect(!request.loss.contains("kind"))
            let old = try await stub.forwardBackward(request)
            request = try Swage_V1_ForwardBackwardRequest(TinyModel.batch, loss: .crossEntropy, id: "two", version: 2)
            #expect(request.loss.contains("kind"))
            let new = try await stub.forwardBackward(request)
            #expect(old.loss == new.loss && old.metrics == new.metrics, "\(old) and \(new)")
        }
        await served.stop()
    }

    @Test func aServerOfVersion1IsAskedAsItWas() async throws {
        let trainer = try await TinyModel.trainer()
        let expected = try await trainer.forwardBackward(TinyModel.batch, loss: .crossEntropy)
        try await trainer.clearGradients()
        try await withServer(VersionOne(trainer: trainer)) { address in
            let remote = try await RemoteTrainer(at: address)
            let found = try await remote.forwardBackward(TinyModel.batch, loss: .crossEntropy)
            #expect(abs(found.loss - expected.loss) < 1e-12, "\(found.loss), and \(expected.loss)")
            #expect(found.denominator == expected.denominator, "\(found.denominator), and \(expected.denominator)")
            for (name, metric) in expected.metrics {
                #expect(abs((found.metrics[name]?.value ?? .nan) - metric.value) < 1e-9 * metric.value, "\(name): \(found.metrics)")
            }
            await remote.close()
        }
    }

    @Test func aServerWithoutAVersionInCommonIsRefusedInWords() async throws {
        try await withServer(VersionOne(trainer: try await TinyModel.trainer(), version: 7)) { address in
            let error = await #expect(throws: TrainerError.self) { _ = try await RemoteTrainer(at: address) }
            #expect(error?.code == .unsupported, "\(String(describing: error))")
            #expect(error?.message.contains("versions [1, 2]") == true, "\(String(describing: error))")
        }
    }

    private func withServer(_ service: VersionOne, _ body: (TrainerAddress) async throws -> Void) async throws {
        let path = shortTemporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .unixDomainSocket(path: path), transportSecurity: .plaintext), services: [service])
        let serving = Task { try await server.serve() }
        defer { server.beginGracefulShutdown() }
        try await body(.socket(path))
        server.beginGracefulShutdown()
        try await serving.value
    }
}

extension Data {
    fileprivate func contains(_ key: String) -> Bool { String(decoding: self, as: UTF8.self).contains("\"\(key)\"") }
}

/// A trainer of version 1, which refuses what it does not know.
private struct VersionOne: Swage_V1_TrainerService.SimpleServiceProtocol {
    let trainer: any Trainer
    var version: Int32 = 1
    private let missing = RPCError(code: .unimplemented, message: "not in this test")

    func connect(request: Swage_V1_ConnectRequest, context: ServerContext) async throws -> Swage_V1_ConnectResponse {
        guard request.versions.contains(version) else {
            throw RPCError(
                code: .failedPrecondition, message: "the caller speaks versions \(request.versions), and this trainer \(version)",
                metadata: ["swage-error-code": "unsupported"])
        }
        return .with { ($0.version, $0.instance) = (version, "one") }
    }

    func forwardBackward(
        request: Swage_V1_ForwardBackwardRequest, context: ServerContext
    ) async throws -> Swage_V1_ForwardBackwardResponse {
        guard !request.loss.contains("kind") else {
            throw RPCError(code: .invalidArgument, message: "a metric has the key \"kind\"", metadata: ["swage-error-code": "invalidLoss"])
        }
        let result = try await trainer.forwardBackward(TinyModel.batch, loss: try request.lossFunction())
        return .with { ($0.loss, $0.metrics) = (result.loss, result.metrics.mapValues(\.value)) }
    }

    func getStatus(request: Swage_V1_GetStatusRequest, context: ServerContext) async throws -> Swage_V1_GetStatusResponse { .init() }

    func optimStep(request: Swage_V1_OptimStepRequest, context: ServerContext) async throws -> Swage_V1_OptimStepResponse { throw missing }
    func clearGradients(
        request: Swage_V1_ClearGradientsRequest, context: ServerContext
    ) async throws -> Swage_V1_ClearGradientsResponse { throw missing }
    func forward(request: Swage_V1_ForwardRequest, response: RPCWriter<Swage_V1_TensorPiece>, context: ServerContext) async throws {
        throw missing
    }
    func save(request: Swage_V1_SaveRequest, context: ServerContext) async throws -> Swage_V1_SaveResponse { throw missing }
    func load(request: Swage_V1_LoadRequest, context: ServerContext) async throws -> Swage_V1_LoadResponse { throw missing }
    func getConfig(request: Swage_V1_GetConfigRequest, context: ServerContext) async throws -> Swage_V1_GetConfigResponse { throw missing }
    func getTokenizer(
        request: Swage_V1_GetTokenizerRequest, context: ServerContext
    ) async throws -> Swage_V1_GetTokenizerResponse { throw missing }
    func encode(request: Swage_V1_EncodeRequest, context: ServerContext) async throws -> Swage_V1_EncodeResponse { throw missing }
    func decode(request: Swage_V1_DecodeRequest, context: ServerContext) async throws -> Swage_V1_DecodeResponse { throw missing }
    func generate(request: Swage_V1_GenerateRequest, response: RPCWriter<Swage_V1_GenerateEvent>, context: ServerContext) async throws {
        throw missing
    }
    func cancel(request: Swage_V1_CancelRequest, context: ServerContext) async throws -> Swage_V1_CancelResponse { throw missing }
}
#endif
