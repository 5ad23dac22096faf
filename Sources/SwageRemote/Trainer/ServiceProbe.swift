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

    private let connection: TrainerConnection

    /// - Throws: as ``RemoteTrainer/init(at:options:)`` does.
    package init(at address: TrainerAddress, options: RemoteTrainer.Options = .init()) async throws {
        connection = try await TrainerConnection(to: address, options: options)
    }

    /// Checks the rules with a trainer that has just begun, and leaves it so.
    /// - Parameter batch: what the trainer takes.
    /// - Throws: ``BrokenRule``, or what the trainer throws out of turn.
    package func check(_ batch: TextTrainBatch) async throws {
        try await checkConnect()
        try await checkConfiguration()
        try await checkRequestIDs(batch)
        try await checkInstance()
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

    private func checkConfiguration() async throws {
        let abilities = try await connection.call { try await $0.getConfig(.init(), metadata: $1, options: $2) }.capabilities
        let unknown = abilities.outputs.filter { ModelOutput(rawValue: $0) == nil }
        try require(unknown.isEmpty, "capabilities name the outputs \(unknown), which are none of \(ModelOutput.allCases.map(\.rawValue))")
        try require(Set(abilities.outputs).count == abilities.outputs.count, "capabilities name an output twice: \(abilities.outputs)")
        try require(!abilities.losses.contains(""), "capabilities name a loss \"\"")
        try require(
            abilities.dtype.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") },
            "the dtype is \"\(abilities.dtype)\", and torch's name of a type was expected, such as float32, or nothing")
    }

    private func checkRequestIDs(_ batch: TextTrainBatch) async throws {
        let id = UUID().uuidString
        let request = try Swage_V1_ForwardBackwardRequest(batch, loss: nil, id: id, version: connection.version)
        var long = request
        long.requestID = String(repeating: "x", count: 257)
        try await expect(.invalidOption, "ForwardBackward with a request_id of 257 bytes") { [long] in
            _ = try await $0.forwardBackward(long, metadata: $1, options: $2)
        }
        let answer = try await connection.call(id) { try await $0.forwardBackward(request, metadata: $1, options: $2) }
        try check(answer)
        try await expect(.invalidOption, "OptimStep with the request_id of a ForwardBackward that was carried out") { stub, metadata, options in
            _ = try await stub.optimStep(.with { $0.requestID = id }, metadata: metadata, options: options)
        }
        let again = try await connection.call(id) { try await $0.forwardBackward(request, metadata: $1, options: $2) }
        try require(again == answer, "ForwardBackward answers a request_id that comes again with \(again.loss), and first with \(answer.loss)")
        let status = try await connection.call { try await $0.getStatus(.init(), metadata: $1, options: $2) }
        try require(
            status.step == 0 && status.accumulatedMicrobatches == 1,
            "after one ForwardBackward, and requests that were to be refused or had been carried out, the status is step \(status.step), "
                + "\(status.accumulatedMicrobatches) microbatches")
        _ = try await connection.call { try await $0.clearGradients(.init(), metadata: $1, options: $2) }
    }

    private func check(_ answer: Swage_V1_ForwardBackwardResponse) throws {
        guard answer.hasSum, answer.hasDenominator else { return }
        let mean = answer.sum / answer.denominator
        try require(
            abs(answer.loss - mean) <= 1e-5 * max(1, abs(mean)),
            "ForwardBackward answers the loss \(answer.loss), and sum / denominator is \(answer.sum) / \(answer.denominator) = \(mean)")
        for (name, value) in answer.metrics {
            guard let said = answer.reported[name]?.metric?.value else { continue }
            try require(
                abs(value - said) <= 1e-5 * max(1, abs(said)), "ForwardBackward answers the metric \"\(name)\" as \(value), and reported says \(said)")
        }
    }

    /// A call for another start of the trainer is refused, and one for none is taken.
    private func checkInstance() async throws {
        let answer = try await connection.call { stub, metadata, options in
            try await stub.connect(.with { $0.versions = TrainerService.versions }, metadata: metadata, options: options)
        }
        try require(!answer.instance.isEmpty, "Connect answers no instance, by which a client knows that the trainer was started anew")
        try await connection.call { stub, metadata, options in
            var other = metadata
            other.replaceOrAddString("another start", forKey: InstanceCheck.key)
            do {
                _ = try await stub.clearGradients(.init(), metadata: other, options: options)
            } catch let error as RPCError where error.code == .aborted {
                other.removeAllValues(forKey: InstanceCheck.key)
                _ = try await stub.clearGradients(.init(), metadata: other, options: options)
                return
            } catch let error as RPCError {
                throw BrokenRule(description: "ClearGradients for another start of the trainer ends with \(error.code), and ABORTED was expected")
            }
            throw BrokenRule(description: "ClearGradients for another start of the trainer is carried out, and ABORTED was expected")
        }
    }

    private func expect(_ code: TrainerError.Code, _ what: String, _ call: @escaping TrainerConnection.Body<Void>) async throws {
        do {
            try await connection.call(nil, bytes: 0, call)
        } catch let error as TrainerError {
            try require(error.code == code, "\(what) ends with \(error.code.rawValue) (\(error)), and \(code.rawValue) was expected")
            return
        }
        throw BrokenRule(description: "\(what) is taken, and \(code.rawValue) was expected")
    }

    private func require(_ holds: Bool, _ otherwise: @autoclosure () -> String) throws {
        if !holds { throw BrokenRule(description: otherwise()) }
    }
}
#endif
