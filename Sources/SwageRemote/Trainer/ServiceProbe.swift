#if Engines
import Foundation
import GRPCCore
package import Swage
import SwiftProtobuf

/// Asks a served trainer what no ``RemoteTrainer`` asks it: whether it keeps the rules of `proto/swage/v1/trainer.proto` that are
/// about requests and answers, and not about training.
package struct ServiceProbe: Sendable {
    /// A rule that the trainer does not keep.
    package struct BrokenRule: Error, CustomStringConvertible {
        package let description: String
    }

    let connection: TrainerConnection
    /// A checkpoint of the trainer as it has just begun.
    let beginning: String
    /// A folder that both this process and the trainer can write to.
    let workspace: String

    /// - Parameters:
    ///   - beginning: a checkpoint of the trainer as it has just begun.
    ///   - workspace: a folder that both this process and the trainer can write to.
    /// - Throws: as ``RemoteTrainer/init(at:options:)`` does.
    package init(at address: TrainerAddress, options: RemoteTrainer.Options = .init(), beginning: String, workspace: String) async throws {
        connection = try await TrainerConnection(to: address, options: options)
        (self.beginning, self.workspace) = (beginning, workspace)
    }

    /// Checks the rules with a trainer that has just begun, and leaves it so.
    /// - Parameter batch: what the trainer takes.
    /// - Throws: ``BrokenRule``, or what the trainer throws out of turn.
    package func check(_ batch: TextTrainBatch) async throws {
        let config = try await connection.call { try await $0.getConfig(.init(), metadata: $1, options: $2) }
        try await checkConnect()
        try checkConfiguration(config.capabilities)
        try await checkTensors(batch)
        if config.capabilities.losses.isEmpty { try await checkPrograms(batch) }
        if config.capabilities.optimizerPerStep { try await checkOptimizerOptions(batch) }
        if config.capabilities.generates { try await checkGenerate(vocabularySize: Int32(clamping: config.modelConfiguration["vocab_size"]?.integer ?? 0)) }
        try await checkTexts()
        try await checkRequestIDs(batch)
        try await checkInstance(batch, generates: config.capabilities.generates)
        try await checkCancel(batch, config)
        try await load()
    }

    /// Puts the trainer back to its beginning.
    func load(id: String = "") async throws {
        let request = Swage_V1_LoadRequest.with { ($0.requestID, $0.path) = (id, beginning) }
        _ = try await connection.begin(id) { try await $0.load(request, metadata: $1, options: $2) }
    }

    func clearGradients() async throws {
        _ = try await connection.call { try await $0.clearGradients(.init(), metadata: $1, options: $2) }
    }

    func status() async throws -> Swage_V1_GetStatusResponse {
        try await connection.call { try await $0.getStatus(.init(), metadata: $1, options: $2) }
    }

    func forwardBackward(_ request: Swage_V1_ForwardBackwardRequest) async throws -> Swage_V1_ForwardBackwardResponse {
        try await connection.call { try await $0.forwardBackward(request, metadata: $1, options: $2) }
    }

    func request(_ batch: TextTrainBatch, id: String = "") throws -> Swage_V1_ForwardBackwardRequest {
        try Swage_V1_ForwardBackwardRequest(batch, loss: nil, id: id, version: connection.version)
    }

    private func checkConnect() async throws {
        try await expect(.unsupported, "Connect of a client that speaks version 9999 alone") { stub, metadata, options in
            _ = try await stub.connect(.with { $0.versions = [9999] }, metadata: metadata, options: options)
        }
        let answer = try await connection.call { stub, metadata, options in
            try await stub.connect(.with { $0.versions = TrainerService.versions + [9999] }, metadata: metadata, options: options)
        }
        try require(
            TrainerService.versions.contains(answer.version),
            "Connect of a client that speaks \(TrainerService.versions + [9999]) answers version \(answer.version)")
    }

    private func checkConfiguration(_ abilities: Swage_V1_Capabilities) throws {
        let unknown = abilities.outputs.filter { ModelOutput(rawValue: $0) == nil }
        try require(unknown.isEmpty, "capabilities name the outputs \(unknown), which are none of \(ModelOutput.allCases.map(\.rawValue))")
        try require(Set(abilities.outputs).count == abilities.outputs.count, "capabilities name an output twice: \(abilities.outputs)")
        try require(!abilities.losses.contains(""), "capabilities name a loss \"\"")
        try require(
            abilities.dtype.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") },
            "the dtype is \"\(abilities.dtype)\", and torch's name of a type was expected, such as float32, or nothing")
    }

    func expect(_ code: TrainerError.Code, _ what: String, _ call: @escaping TrainerConnection.Body<Void>) async throws {
        do {
            try await connection.call { stub, metadata, options in
                do {
                    try await call(stub, metadata, options)
                } catch let error as RPCError where error.namesError && [.cancelled, .aborted, .unavailable].contains(error.code) {
                    throw BrokenRule(
                        description: "\(what) ends with the status \(error.code), and an error with a code; that status says that the call may be "
                            + "asked for again, or was not wanted")
                }
            }
        } catch let error as TrainerError {
            try require(error.code == code, "\(what) ends with \(error.code.rawValue) (\(error)), and \(code.rawValue) was expected")
            return
        }
        throw BrokenRule(description: "\(what) is taken, and \(code.rawValue) was expected")
    }

    func require(_ holds: Bool, _ otherwise: @autoclosure () -> String) throws {
        if !holds { throw BrokenRule(description: otherwise()) }
    }
}
#endif
