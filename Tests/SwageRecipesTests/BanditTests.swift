import Foundation
import Swage
import SwageNative
import SwageRecipes
import Testing
import TestSupport

/// One token is drawn and rewarded, so that the gradient of the expected reward is known in full: the sum over all tokens
/// of probability, reward and the gradient of the log-probability.
@Suite struct BanditTests {
    private static let prompt: [Int32] = [3, 14, 15, 92]
    private static func reward(_ token: Int32) -> Double { Double((token * 7) % 11) / 10 }

    /// The gradient of −Σ weight · log π(token), as one run of numbers, in the order of the parameters' names.
    private func gradient(_ trainer: NativeTrainer, _ tokens: [Int32], _ weights: [Double]) async throws -> [Float] {
        let rows = tokens.count
        let batch = TextTrainBatch(
            inputIDs: try Tensor(rows: tokens.map { _ in Self.prompt }),
            targetIDs: try Tensor(rows: tokens.map { Self.prompt.dropFirst() + [$0] }),
            targetMask: try Tensor(rows: tokens.map { _ in [0, 0, 0, 1] }),
            targetWeights: try Tensor(weights.flatMap { [0, 0, 0, Float($0)] }, shape: [rows, 4]))
        _ = try await trainer.forwardBackward(batch, loss: .reinforce)
        return try await withTemporaryDirectory { directory in
            let saved = try await trainer.save(path: directory + "/saved")
            let file = try GoldenTensors(saved.path + "/gradients.safetensors")
            try await trainer.clearGradients()
            return try file.names.sorted().flatMap { try file.floats($0).scalars }
        }
    }

    @Test func theMeanOfManyPolicyGradientsIsTheAnalyticOne() async throws {
        let trainer = try await NativeTrainer(model: Golden.decoder("llama"), threads: 2)
        let logits = try await trainer.forward(ForwardInputs(inputIDs: Tensor(rows: [Self.prompt]), outputs: [.logits]))
            .logits!.scalars.suffix(300).map(Double.init)
        let top = logits.max()!
        let total = logits.reduce(0) { $0 + exp($1 - top) }
        let tokens = (0..<300).map { Int32($0) }
        let probabilities = logits.map { exp($0 - top) / total }
        let analytic = try await gradient(trainer, tokens, tokens.map { probabilities[Int($0)] * Self.reward($0) })

        // Along the gradient itself, where the most can be told, and along directions that have nothing to do with it.
        var random = RandomNumbers(seed: 1)
        let directions = [analytic.map(Double.init)] + (0..<4).map { _ in random.doubles(analytic.count) }
        func project(_ gradient: [Float]) -> [Double] {
            directions.map { zip(gradient, $0).reduce(0) { $0 + Double($1.0) * $1.1 } }
        }

        // Groups of 8, each compared with the others of its group: unbiased, as the plain mean of the group is not.
        let (batches, groups, size) = (32, 40, 8)
        var projections: [[Double]] = []
        for batch in 0..<batches {
            let drawn = try await trainer.sampler.generate(
                Array(repeating: Self.prompt, count: groups * size), options: SamplingOptions(maxTokens: 1, seed: UInt64(batch))
            ).map { $0.tokens[0] }
            let rewards = stride(from: 0, to: drawn.count, by: size).map { drawn[$0..<$0 + size].map(Self.reward) }
            let advantages = Advantages(baseline: .leaveOneOut, scale: .none)(rewards).flatMap { $0 }
            projections.append(project(try await gradient(trainer, drawn, advantages.map { $0 / Double(drawn.count) })))
        }
        for (direction, expected) in project(analytic).enumerated() {
            let values = projections.map { $0[direction] }
            let mean = values.reduce(0, +) / Double(batches)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(batches - 1)
            let error = (variance / Double(batches)).squareRoot()
            #expect(abs(mean - expected) < 3.5 * error, "direction \(direction): \(mean) ± \(error), not \(expected)")
            if direction == 0 { #expect(error < 0.1 * expected, "the mean tells \(expected) only to ± \(error)") }
        }
    }
}
