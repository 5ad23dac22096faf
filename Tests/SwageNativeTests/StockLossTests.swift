import Foundation
import Swage
import SwageFiles
import SwageNative
import Testing
import TestSupport

/// The stock losses against formulas in PyTorch, through a tiny model to its parameters.
@Suite struct StockLossTests {
    static let losses: [(name: String, loss: LossFunction)] = [
        ("crossEntropy", .crossEntropy), ("smoothed", .crossEntropy(smoothing: 0.1, zLoss: 0.01)),
        ("linear", .linearCrossEntropy), ("reinforce", .reinforce), ("importanceSampling", .importanceSampling),
        ("ppo", .ppo()), ("ppoDual", .ppo(dualClip: 1.1)), ("cispo", .cispo(clip: 0.8...1.2)), ("dro", .dro(beta: 0.3)),
        ("grpoToken", .grpo()),
        ("grpoSequenceK1", .grpo(normalization: .sequenceMean, klCoefficient: 0.2, klEstimator: .k1)),
        ("grpoConstantK2", .grpo(normalization: .constant(maxTokens: 12), klCoefficient: 0.2, klEstimator: .k2)),
        ("grpoTokenK3", .grpo(klCoefficient: 0.2)), ("gspo", .gspo(clip: 0.9...1.1)),
        ("dpoSigmoid", .dpo(beta: 0.3)), ("dpoIpo", .dpo(beta: 0.3, loss: .ipo)), ("dpoHinge", .dpo(beta: 0.3, loss: .hinge)),
        ("distillation", .distillation(temperature: 2)), ("distillationTopK", .distillation(topK: 5)),
        ("value", .valueRegression()), ("valueClipped", .valueRegression(clip: 0.3)),
    ]

    private func golden() throws -> GoldenTensors { try GoldenTensors(Golden.root + "/losses/golden.safetensors") }

    private func batch(_ golden: GoldenTensors, for name: String) throws -> TextTrainBatch {
        let isPairs = name.hasPrefix("dpo")
        var batch = TextTrainBatch(
            inputIDs: try golden.integers("batch.inputIDs"), targetIDs: try golden.integers("batch.targetIDs"),
            targetMask: try golden.floats("batch.targetMask"), targetWeights: try golden.floats("batch.targetWeights"),
            segmentIDs: isPairs ? nil : try golden.integers("batch.segmentIDs"))
        for input in ["teacherLogits", "teacherIDs", "teacherLogProbs", "valueHead", "returns", "oldValues"] {
            batch.lossInputs[input] = try golden.floats("batch.\(input)")
        }
        batch.lossInputs["samplerLogProbs"] = try golden.floats("sampler.\(isPairs ? "rows" : "packed")")
        batch.lossInputs["referenceLogProbs"] = try golden.floats("reference.\(isPairs ? "rows" : "packed")")
        return batch
    }

    @Test(arguments: losses.indices)
    func lossAndGradientsEqualPyTorch(_ index: Int) async throws {
        let (name, loss) = Self.losses[index]
        let golden = try golden()
        let trainer = try await NativeTrainer(model: Golden.decoder("llama"), threads: 2)
        let result = try await trainer.forwardBackward(try batch(golden, for: name), loss: loss)
        let expected = Double(try golden.floats("\(name).loss").scalars[0])
        #expect(abs(result.loss - expected) < 1e-4 * max(0.1, abs(expected)), "\(name): \(result.loss), not \(expected)")
        #expect(result.metrics.values.allSatisfy { $0.value.isFinite }, "\(name): \(result.metrics)")

        try await withTemporaryDirectory { directory in
            let saved = try await trainer.save(path: directory + "/saved")
            let gradients = try GoldenTensors(saved.path + "/gradients.safetensors")
            let manifest = try JSONDecoder().decode(
                CheckpointManifest.self, from: Data(contentsOf: URL(fileURLWithPath: saved.path + "/checkpoint.json")))
            let denominator = Float(manifest.accumulatedDenominator)
            func check(_ what: String, _ found: [Float]) throws {
                let difference = relativeDifference(
                    found.map { $0 / denominator }, try golden.floats("\(name).\(what)").scalars)
                #expect(difference < 1e-4, "\(name), \(what) differs by \(difference)")
            }
            for parameter in [
                "model.layers.0.self_attn.q_proj.weight", "model.norm.weight", "model.layers.1.mlp.down_proj.weight",
            ] {
                try check(parameter, try gradients.floats(parameter).scalars)
            }
            let head = try gradients.floats("lm_head.weight")
            try check("headRows", (0..<300).map { row in head.scalars[row * 24..<(row + 1) * 24].reduce(0, +) })
        }
    }

    /// The four rows, or two pairs of them, in random order and random groups.
    private func randomSplit(pairs: Bool, _ random: inout RandomNumbers) -> [[Int]] {
        let units = pairs ? [[0, 1], [2, 3]] : [[0], [1], [2], [3]]
        var groups: [[Int]] = []
        for unit in random.shuffled(units) {
            let place = random.size(0...groups.count)
            if place == groups.count { groups.append(unit) } else { groups[place] += unit }
        }
        return groups
    }

    /// Rows in any split, in any order of microbatches, give the step of the whole batch, and report what it reports.
    @Test(arguments: losses.indices)
    func accumulatingMicrobatchesEqualsOneBigBatch(_ index: Int) async throws {
        let (name, loss) = Self.losses[index]
        let golden = try golden()
        let whole = try batch(golden, for: name)
        func step(_ parts: [[Int]]) async throws -> (norm: Double, result: ForwardBackwardResult) {
            let trainer = try await NativeTrainer(model: Golden.decoder("llama"), threads: 2)
            var results: [ForwardBackwardResult] = []
            for rows in parts { results.append(try await trainer.forwardBackward(whole.rows(rows), loss: loss)) }
            return (try await trainer.optimStep().gradientNorm, try #require(ForwardBackwardResult.combined(results)))
        }
        let expected = try await step([[0, 1, 2, 3]])
        var random = RandomNumbers(seed: UInt64(index))
        for _ in 0..<4 {
            let split = randomSplit(pairs: name.hasPrefix("dpo"), &random)
            let found = try await step(split)
            #expect(abs(found.norm - expected.norm) < 1e-4 * expected.norm, "\(name) in \(split): norm \(found.norm), not \(expected.norm)")
            func check(_ what: String, _ found: Double, _ expected: Double) {
                #expect(abs(found - expected) < 1e-4 * max(0.1, abs(expected)), "\(name) in \(split): \(what) \(found), not \(expected)")
            }
            check("loss", found.result.loss, expected.result.loss)
            #expect(found.result.metrics.keys.sorted() == expected.result.metrics.keys.sorted())
            for (metric, value) in expected.result.metrics { check(metric, found.result.metrics[metric]?.value ?? .nan, value.value) }
        }
    }
}

extension TextTrainBatch {
    fileprivate func rows(_ rows: [Int]) throws -> TextTrainBatch {
        let count = inputIDs.shape[0]
        func pick<Scalar>(_ tensor: Tensor<Scalar>) throws -> Tensor<Scalar> {
            // A tensor that is no part of the batch's rows, such as a value head, stays whole.
            guard tensor.shape[0] == count, tensor.shape.count >= 2 else { return tensor }
            let size = tensor.scalars.count / count
            return try Tensor(
                rows.flatMap { tensor.scalars[$0 * size..<($0 + 1) * size] }, shape: [rows.count] + tensor.shape[1...])
        }
        return TextTrainBatch(
            inputIDs: try pick(inputIDs), targetIDs: try pick(targetIDs), targetMask: try targetMask.map(pick),
            targetWeights: try targetWeights.map(pick), segmentIDs: try segmentIDs.map(pick),
            lossInputs: try lossInputs.mapValues(pick))
    }
}
