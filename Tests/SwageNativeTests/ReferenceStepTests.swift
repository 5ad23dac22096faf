import Foundation
import Swage
import SwageConformance
import SwageNative
import TestEngines
import TestSupport
import Testing

/// Reference values stand in for a trainer of the same family.
@Suite struct ReferenceStepTests {
    private let batches = [
        TextTrainBatch(inputIDs: Tensor(repeating: 5, shape: [2, 6]), targetIDs: Tensor(repeating: 7, shape: [2, 6])),
        TextTrainBatch(
            inputIDs: Tensor(repeating: 9, shape: [1, 4]), targetIDs: Tensor(repeating: 3, shape: [1, 4]),
            targetMask: try! Tensor(rows: [[1, 0, 1, 1]])),
    ]

    /// What the native engine comes to, as a file.
    private func write(_ path: String, changing change: (inout [String: Any]) -> Void = { _ in }) async throws {
        let trainer = try await TinyModel.trainer()
        var lines: [String] = []
        for batch in batches {
            func rows<Scalar>(_ tensor: Tensor<Scalar>) -> [[Scalar]] {
                (0..<tensor.shape[0]).map { Array(tensor.scalars[$0 * tensor.shape[1]..<($0 + 1) * tensor.shape[1]]) }
            }
            var line: [String: Any] = ["input_ids": rows(batch.inputIDs).map { $0.map(Int.init) }]
            line["target_ids"] = rows(batch.targetIDs).map { $0.map(Int.init) }
            line["target_mask"] = batch.targetMask.map { rows($0).map { $0.map(Double.init) } }
            line["log_probs"] = rows(try #require(try await trainer.forward(ForwardInputs(logProbsOf: batch)).logProbs)).map { $0.map(Double.init) }
            line["loss"] = try await trainer.forwardBackward(batch).loss
            line["gradient_norm"] = try await trainer.optimStep().gradientNorm
            change(&line)
            lines.append(String(decoding: try JSONSerialization.data(withJSONObject: line), as: UTF8.self))
        }
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func failure(_ path: String, _ directory: String) async throws -> String? {
        let conformance = Conformance(
            .init(
                vocabularySize: TinyModel.vocabularySize, workspace: directory, makeTrainer: { try await TinyModel.trainer($0) },
                reference: .values(try ReferenceStep.read(contentsOfFile: path))))
        return await conformance.run(.init([.enginesAgree]))[0].failure
    }

    @Test func rightValuesPassAndWrongOnesAreNamed() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/values.jsonl"
            try await write(path)
            #expect(try await failure(path, directory) == nil)
            try await write(path) { $0["loss"] = ($0["loss"] as! Double) * 1.001 }
            #expect(try await failure(path, directory)?.contains("loss of step 1 of the reference values") == true)
            try await write(path) { $0["gradient_norm"] = ($0["gradient_norm"] as! Double) * 0.999 }
            #expect(try await failure(path, directory)?.contains("gradient norm of step 1 of the reference values") == true)
        }
    }

    @Test func whatCannotBeReadIsSaidWithItsLine() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/values.jsonl"
            try await write(path) { $0["logprobs"] = 1 }
            #expect(throws: TrainerError.self) { try ReferenceStep.read(contentsOfFile: directory + "/none.jsonl") }
            let unknown = #expect(throws: TrainerError.self) { try ReferenceStep.read(contentsOfFile: path) }
            #expect(unknown?.message.contains("line 1: there is no key \"logprobs\"") == true, "\(String(describing: unknown))")
            try await write(path) { $0["loss"] = nil }
            let missing = #expect(throws: TrainerError.self) { try ReferenceStep.read(contentsOfFile: path) }
            #expect(missing?.message.contains("line 1") == true, "\(String(describing: missing))")
            try Data().write(to: URL(fileURLWithPath: path))
            let empty = #expect(throws: TrainerError.self) { try ReferenceStep.read(contentsOfFile: path) }
            #expect(empty?.message.contains("no line") == true, "\(String(describing: empty))")
        }
    }
}
