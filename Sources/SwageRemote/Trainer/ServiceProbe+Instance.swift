#if Engines
import GRPCCore
import Swage
import SwiftProtobuf

extension ServiceProbe {
    /// A call for another start of the trainer is refused, and one for none is taken; Load is taken from every client.
    func checkInstance(_ batch: TextTrainBatch, generates: Bool) async throws {
        let answer = try await connection.call { stub, metadata, options in
            try await stub.connect(.with { $0.versions = TrainerService.versions }, metadata: metadata, options: options)
        }
        try require(!answer.instance.isEmpty, "Connect answers no instance, by which a client knows that the trainer was started anew")
        let request = try request(batch)
        let inputs = Swage_V1_ForwardRequest(ForwardInputs(logProbsOf: batch), id: "")
        var calls: [(String, TrainerConnection.Body<Void>)] = [
            ("ForwardBackward", { _ = try await $0.forwardBackward(request, metadata: $1, options: $2) }),
            ("OptimStep", { _ = try await $0.optimStep(.init(), metadata: $1, options: $2) }),
            ("ClearGradients", { _ = try await $0.clearGradients(.init(), metadata: $1, options: $2) }),
            ("Forward", { try await $0.forward(inputs, metadata: $1, options: $2) { for try await _ in $0.messages {} } }),
            ("Save", { [workspace] in _ = try await $0.save(.with { $0.path = workspace + "/of-another-start" }, metadata: $1, options: $2) }),
            ("GetConfig", { _ = try await $0.getConfig(.init(), metadata: $1, options: $2) }),
            ("GetStatus", { _ = try await $0.getStatus(.init(), metadata: $1, options: $2) }),
        ]
        if generates {
            let asked = Swage_V1_GenerateRequest([[0]], options: SamplingOptions(maxTokens: 1), streamsTokens: false, id: "")
            calls.append(("Generate", { try await $0.generate(asked, metadata: $1, options: $2) { for try await _ in $0.messages {} } }))
        }
        for (name, call) in calls {
            try await connection.call { stub, metadata, options in
                do {
                    try await call(stub, metadata.ofAnotherStart, options)
                } catch let error as RPCError where error.code == .aborted {
                    return
                } catch let error as RPCError {
                    throw BrokenRule(description: "\(name) for another start of the trainer ends with \(error.code), and ABORTED was expected")
                }
                throw BrokenRule(description: "\(name) for another start of the trainer is carried out, and ABORTED was expected")
            }
        }
        try await connection.call { [beginning] stub, metadata, options in
            var none = metadata
            none.removeAllValues(forKey: InstanceCheck.key)
            _ = try await stub.clearGradients(.init(), metadata: none, options: options)
            do {
                _ = try await stub.load(.with { $0.path = beginning }, metadata: metadata.ofAnotherStart, options: options)
            } catch let error as RPCError {
                throw BrokenRule(description: "Load for another start of the trainer ends with \(error.code), and it is the one call that is taken")
            }
        }
    }
}

extension Metadata {
    fileprivate var ofAnotherStart: Metadata {
        var copy = self
        copy.replaceOrAddString("another start", forKey: InstanceCheck.key)
        return copy
    }
}
#endif
