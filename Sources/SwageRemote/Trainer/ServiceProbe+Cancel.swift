#if Engines
import Foundation
import GRPCCore
import Swage
import SwiftProtobuf

extension ServiceProbe {
    /// Cancel ends a call that comes after it, one that waits and one that is under way, and answers at once whether there is one or not.
    func checkCancel(_ batch: TextTrainBatch, _ config: Swage_V1_GetConfigResponse) async throws {
        guard try await isCancelKnown() else { return }
        var waits: [Duration] = []
        // A busy machine may hold an answer up.
        while waits.count < 3, waits.allSatisfy({ $0 > .seconds(1) }) {
            let start = ContinuousClock.now
            try await cancel(UUID().uuidString)
            waits.append(start.duration(to: .now))
        }
        try require(waits.last! <= .seconds(1), "Cancel of a call that there is not was answered after \(waits), and at once was expected")
        let early = UUID().uuidString
        try await cancel(early)
        let request = try request(batch, id: early)
        let (isEnded, status) = (try await isCancelled { _ = try await forwardBackward(request) }, try await status())
        try require(
            isEnded && status.accumulatedMicrobatches == 0,
            "a ForwardBackward that was cancelled before it came \(isEnded ? "ends with CANCELLED" : "is carried out"), and \(status.accumulatedMicrobatches) "
                + "microbatches are accumulated after it")
        try await checkCancelUnderWay(batch, config)
    }

    private func isCancelKnown() async throws -> Bool {
        do {
            try await cancel(UUID().uuidString)
            return true
        } catch let error as TrainerError where error.code == .unsupported {
            return false
        } catch let error as TrainerError {
            throw BrokenRule(description: "Cancel of a call that there is not ends with \(error.code.rawValue) (\(error)), and an answer was expected")
        }
    }

    private func cancel(_ id: String) async throws {
        _ = try await connection.call { stub, metadata, options in
            try await stub.cancel(.with { $0.requestID = id }, metadata: metadata, options: options)
        }
    }

    private func isCancelled(_ call: () async throws -> Void) async throws -> Bool {
        do {
            try await call()
            return false
        } catch is CancellationError {
            return true
        }
    }

    /// Calls of every kind wait behind one that takes long, and all are cancelled.
    private func checkCancelUnderWay(_ batch: TextTrainBatch, _ config: Swage_V1_GetConfigResponse) async throws {
        let (long, duration) = try await longRequest(batch, positions: config.modelConfiguration["max_position_embeddings"]?.integer)
        // Too short a call tells nothing.
        guard duration > .milliseconds(250) else { return }
        var calls = try calls(batch, generates: config.capabilities.generates)
        calls["ForwardBackward"] = { id, stub, metadata, options in
            var request = long
            request.requestID = id
            _ = try await stub.forwardBackward(request, metadata: metadata, options: options)
        }
        // One that was too late for the call tells nothing either; three are not.
        for _ in 0..<3 where !calls.isEmpty {
            let ended = try await cancelAll(calls, behind: long, lasting: duration)
            for name in ended { calls[name] = nil }
        }
        try require(
            calls.isEmpty,
            "Cancel has ended no \(calls.keys.sorted().joined(separator: ", no ")) of three that were under way, or waited behind a ForwardBackward of \(duration)"
        )
    }

    /// A call of each kind under an id.
    private typealias NamedCall = @Sendable (String, TrainerConnection.Stub, Metadata, CallOptions) async throws -> Void

    private func calls(_ batch: TextTrainBatch, generates: Bool) throws -> [String: NamedCall] {
        let inputs = ForwardInputs(logProbsOf: batch)
        let (beginning, place) = (beginning, workspace + "/cancelled")
        var calls: [String: NamedCall] = [
            "OptimStep": { id, stub, metadata, options in _ = try await stub.optimStep(.with { $0.requestID = id }, metadata: metadata, options: options) },
            "Forward": { id, stub, metadata, options in
                let request = Swage_V1_ForwardRequest(inputs, id: id)
                try await stub.forward(request, metadata: metadata, options: options) { for try await _ in $0.messages {} }
            },
            "Save": { id, stub, metadata, options in
                let request = Swage_V1_SaveRequest.with { ($0.requestID, $0.path, $0.weightsOnly) = (id, place, true) }
                _ = try await stub.save(request, metadata: metadata, options: options)
            },
            "Load": { id, stub, metadata, options in
                _ = try await stub.load(.with { ($0.requestID, $0.path) = (id, beginning) }, metadata: metadata, options: options)
            },
        ]
        if generates {
            calls["Generate"] = { id, stub, metadata, options in
                let request = Swage_V1_GenerateRequest([[0]], options: SamplingOptions(maxTokens: 4), streamsTokens: false, id: id)
                try await stub.generate(request, metadata: metadata, options: options) { for try await _ in $0.messages {} }
            }
        }
        return calls
    }

    /// Which of the calls have ended with CANCELLED.
    private func cancelAll(
        _ calls: [String: NamedCall], behind long: Swage_V1_ForwardBackwardRequest, lasting duration: Duration
    ) async throws -> [String] {
        // The steps of those that are not cancelled have something to take.
        var calls = calls
        let last = calls.removeValue(forKey: "ForwardBackward")
        let ids = Dictionary(uniqueKeysWithValues: (calls.keys + ["ForwardBackward"]).map { ($0, UUID().uuidString) })
        return try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask { [connection] in
                var request = long
                request.requestID = ids["ForwardBackward"]!
                let isEnded = try await isCancelled { [request] in
                    _ = try await connection.call { try await $0.forwardBackward(request, metadata: $1, options: $2) }
                }
                return isEnded && last != nil ? "ForwardBackward" : nil
            }
            try await Task.sleep(for: duration / 5)
            for (name, call) in calls {
                group.addTask { [connection] in
                    let isEnded = try await isCancelledOrRefused {
                        try await connection.call { try await call(ids[name]!, $0, $1, $2) }
                    }
                    return isEnded ? name : nil
                }
            }
            try await Task.sleep(for: duration / 8)
            for name in calls.keys { try await cancel(ids[name]!) }
            try await cancel(ids["ForwardBackward"]!)
            var ended: [String] = []
            for try await name in group { if let name { ended.append(name) } }
            return ended
        }
    }

    /// The same of a call that may have nothing to do: a step whose gradients went with the cancelled call.
    private func isCancelledOrRefused(_ call: () async throws -> Void) async throws -> Bool {
        do {
            return try await isCancelled(call)
        } catch let error as TrainerError where error.code == .nothingAccumulated {
            return false
        }
    }

    /// A request that keeps the trainer for a good part of a second, if one of some thousand tokens does.
    private func longRequest(_ batch: TextTrainBatch, positions: Int64?) async throws -> (Swage_V1_ForwardBackwardRequest, Duration) {
        let ids = batch.inputIDs.scalars
        let columns = Int(min(64, max(1, positions ?? 64)))
        var rows = 1
        while true {
            let tokens = try Tensor((0..<rows * columns).map { ids[$0 % ids.count] }, shape: [rows, columns])
            let request = try request(TextTrainBatch(inputIDs: tokens, targetIDs: tokens))
            let start = ContinuousClock.now
            _ = try await forwardBackward(request)
            let duration = start.duration(to: .now)
            if duration > .milliseconds(400) || rows >= 512 { return (request, duration) }
            rows *= duration < .milliseconds(100) ? 4 : 2
        }
    }
}
#endif
