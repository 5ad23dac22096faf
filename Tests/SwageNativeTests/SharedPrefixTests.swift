import Foundation
import Swage
import SwageNative
import Testing
import TestSupport

/// Sequences that begin alike are computed together where they stand side by side. That must not show.
@Suite struct SharedPrefixTests {
    private struct Row {
        var ids: [Int32]
        /// From which token on the model learns.
        var learned: Int
        var advantage: Float
    }

    /// Completions of three prompts, group by group. Prompts and completions have lengths around those at which attention
    /// divides its work; some rows learn the end of their prompt too, so that one hidden state has several targets.
    private static let rows: [Row] = {
        var random = RandomNumbers(seed: 3)
        func ids(_ count: Int) -> [Int32] { (0..<count).map { _ in Int32(random.size(0...299)) } }
        return [9, 33, 70].flatMap { length in
            let prompt = ids(length)
            return [1, 5, 34, 50].map { count in
                Row(ids: prompt + ids(count), learned: length - count % 3, advantage: Float(count % 7) - 2.5)
            }
        }
    }()

    /// The rows in which no neighbors begin alike.
    private static let apart = (0..<4).flatMap { member in (0..<3).map { 4 * $0 + member } }

    private func batch(_ order: [Int]) throws -> TextTrainBatch {
        let rows = order.map { Self.rows[$0] }
        let length = rows.map(\.ids.count).max()! - 1
        func tensor<Scalar>(_ padding: Scalar, _ values: (Row) -> [Scalar]) throws -> Tensor<Scalar> {
            try Tensor(rows: rows.map { values($0) + Array(repeating: padding, count: length + 1 - $0.ids.count) })
        }
        return TextTrainBatch(
            inputIDs: try tensor(0) { Array($0.ids.dropLast()) }, targetIDs: try tensor(0) { Array($0.ids.dropFirst()) },
            targetMask: try tensor(0) { row in row.ids.indices.dropFirst().map { $0 >= row.learned ? 1 : 0 } },
            targetWeights: try tensor(0) { row in row.ids.dropFirst().map { _ in row.advantage } },
            lossInputs: ["samplerLogProbs": try tensor(0) { row in row.ids.dropFirst().map { _ in -5.7 } }])
    }

    @Test(arguments: Golden.decoders, [LossFunction.crossEntropy, .reinforce, .importanceSampling])
    func groupsSideBySideHaveTheGradientsOfGroupsApart(_ model: String, _ loss: LossFunction) async throws {
        try await withTemporaryDirectory { directory in
            var results: [ForwardBackwardResult] = []
            var gradients: [GoldenTensors] = []
            for order in [Array(Self.rows.indices), Self.apart] {
                let trainer = try await NativeTrainer(model: Golden.decoder(model), threads: 2)
                results.append(try await trainer.forwardBackward(try batch(order), loss: loss))
                let saved = try await trainer.save(path: "\(directory)/\(results.count)")
                gradients.append(try GoldenTensors(saved.path + "/gradients.safetensors"))
            }
            let gap = abs(results[0].loss - results[1].loss)
            #expect(gap < 1e-5 * max(1, abs(results[1].loss)), "\(loss.name): \(results[0].loss), not \(results[1].loss)")
            for name in gradients[0].names.sorted() {
                let difference = relativeDifference(
                    try gradients[0].floats(name).scalars, try gradients[1].floats(name).scalars)
                #expect(difference < 4e-5, "\(model), \(loss.name): the gradient of \(name) differs by \(difference)")
            }
        }
    }

    @Test(arguments: Golden.decoders) func forwardGivesTheSameLogProbabilities(_ model: String) async throws {
        let trainer = try await NativeTrainer(model: Golden.decoder(model), threads: 2)
        let together = try await trainer.forward(ForwardInputs(logProbsOf: try batch(Array(Self.rows.indices)))).logProbs!
        let apart = try await trainer.forward(ForwardInputs(logProbsOf: try batch(Self.apart))).logProbs!
        let length = apart.shape[1]
        let ordered = Self.rows.indices.flatMap { row in
            let place = Self.apart.firstIndex(of: row)!
            return apart.scalars[place * length..<(place + 1) * length]
        }
        #expect(relativeDifference(together.scalars, ordered) < 1e-5)
    }
}
