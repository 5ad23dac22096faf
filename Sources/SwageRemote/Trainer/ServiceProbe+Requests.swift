#if Engines
import Foundation
import GRPCCore
import Swage
import SwiftProtobuf

extension ServiceProbe {
    /// An id names one request of one call, which is carried out once; what failed is not remembered, and what was carried out is, also
    /// after others and after a Load.
    func checkRequestIDs(_ batch: TextTrainBatch) async throws {
        let (id, failing) = (UUID().uuidString, UUID().uuidString)
        let good = try request(batch, id: id)
        func changed(_ change: (inout Swage_V1_ForwardBackwardRequest) -> Void) -> Swage_V1_ForwardBackwardRequest {
            var copy = good
            change(&copy)
            return copy
        }
        // Half of its characters have two bytes.
        for name in [String(repeating: "x", count: 257), String(repeating: "é", count: 129)] {
            try await expectRefusal(.invalidOption, "ForwardBackward with a request_id of \(name.utf8.count) bytes", changed { $0.requestID = name })
        }
        let bad = changed { $0.inputIds.shape = [1] }
        try await expectRefusal(.invalidShape, "ForwardBackward of inputs of one axis", bad)
        let answer = try await again("ForwardBackward with a request_id that has failed before") { try await forwardBackward(good) }
        try check(answer)
        try await expect(.invalidOption, "OptimStep with the request_id of a ForwardBackward that was carried out") { stub, metadata, options in
            _ = try await stub.optimStep(.with { $0.requestID = id }, metadata: metadata, options: options)
        }
        try await expectAnswer(answer, "again", good)
        try await expectAnswer(answer, "again, with inputs that are none,", bad)
        try await expectMicrobatches(1, "one ForwardBackward, and requests that were to be refused or had been carried out")

        let nameless = changed { $0.requestID = "" }
        for _ in 0..<2 { _ = try await forwardBackward(nameless) }
        try await expectMicrobatches(3, "two more ForwardBackward without a request_id, which names nothing")
        let small = try request(TextTrainBatch(inputIDs: Tensor(repeating: 0, shape: [1, 1]), targetIDs: Tensor(repeating: 0, shape: [1, 1])))
        for _ in 0..<24 {
            var other = small
            other.requestID = UUID().uuidString
            _ = try await forwardBackward(other)
        }
        try await expectAnswer(answer, "again, after 24 others,", good)
        try await expectMicrobatches(27, "24 ForwardBackward, and one that had been carried out")

        try await expectRefusal(.invalidShape, "ForwardBackward of inputs of one axis", changed { ($0.inputIds.shape, $0.requestID) = ([1], failing) })
        _ = try await again("OptimStep with the request_id of a ForwardBackward that has failed") {
            try await connection.call { stub, metadata, options in
                try await stub.optimStep(.with { $0.requestID = failing }, metadata: metadata, options: options)
            }
        }
        let loading = UUID().uuidString
        try await load(id: loading)
        try await expectAnswer(answer, "again, after a Load,", good)
        try await expectMicrobatches(0, "a Load, and a ForwardBackward that had been carried out before it")
        _ = try await forwardBackward(nameless)
        try await load(id: loading)
        try await expectMicrobatches(1, "a ForwardBackward, and a Load that had been carried out before it")
        try await clearGradients()
        try await checkSaves()
    }

    /// A Save that has been carried out is not carried out again, wherever the checkpoint has gone.
    /// And a path that is relative begins in the default place.
    private func checkSaves() async throws {
        let name = "conformance-\(UUID().uuidString)"
        let request = Swage_V1_SaveRequest.with { ($0.requestID, $0.name, $0.weightsOnly) = (UUID().uuidString, name, true) }
        let saved = try await connection.call { try await $0.save(request, metadata: $1, options: $2) }
        guard saved.path.hasSuffix("/" + name), FileManager.default.fileExists(atPath: saved.path) else { return }
        defer { for path in [saved.path, saved.path + "-2"] { try? FileManager.default.removeItem(atPath: path) } }
        try FileManager.default.removeItem(atPath: saved.path)
        let again = try await connection.call { try await $0.save(request, metadata: $1, options: $2) }
        let isThere = FileManager.default.fileExists(atPath: saved.path)
        try require(
            again == saved && !isThere,
            "Save of a request_id that comes again \(isThere ? "writes the checkpoint again" : "answers \(again.path), and first \(saved.path)")")
        let relative = Swage_V1_SaveRequest.with { ($0.path, $0.weightsOnly) = ("\(name)-2/inside", true) }
        let place: String
        do {
            place = try await connection.call { try await $0.save(relative, metadata: $1, options: $2) }.path
        } catch let error as TrainerError {
            throw BrokenRule(description: "Save at \(relative.path), which begins in the default place, ends with \(error.code.rawValue) (\(error))")
        }
        try require(
            place == saved.path + "-2/inside",
            "Save at \(relative.path), which begins in the default place, went to \(place), and \(saved.path)-2/inside was expected")
    }

    func expectRefusal(_ code: TrainerError.Code, _ what: String, _ request: Swage_V1_ForwardBackwardRequest) async throws {
        try await expect(code, what) { _ = try await $0.forwardBackward(request, metadata: $1, options: $2) }
    }

    private func expectAnswer(_ answer: Swage_V1_ForwardBackwardResponse, _ when: String, _ request: Swage_V1_ForwardBackwardRequest) async throws {
        let found = try await again("ForwardBackward of a request_id that was carried out, \(when)") { try await forwardBackward(request) }
        try require(found == answer, "ForwardBackward answers a request_id that comes \(when) with \(found.loss), and first with \(answer.loss)")
    }

    private func again<Answer>(_ what: String, _ body: () async throws -> Answer) async throws -> Answer {
        do {
            return try await body()
        } catch let error as TrainerError {
            throw BrokenRule(description: "\(what) ends with \(error.code.rawValue) (\(error)), and an answer was expected")
        }
    }

    private func expectMicrobatches(_ count: Int64, _ after: String) async throws {
        let status = try await status()
        try require(
            status.step == 0 && status.accumulatedMicrobatches == count,
            "after \(after), the status is step \(status.step), \(status.accumulatedMicrobatches) microbatches, and step 0, \(count) microbatches were expected"
        )
    }

    /// What is said of a microbatch twice is the same.
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
}
#endif
