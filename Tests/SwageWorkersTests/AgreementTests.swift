#if Engines
import Foundation
import Swage
import SwageFiles
import SwageNative
import SwageRemote
import SwageText
import SwageWorkers
import TestEngines
import TestSupport
import Testing

private let conversations = Golden.repository + "/.deps/conversations/train.jsonl"
private let canAgree =
    ["huggingface", "titan"].allSatisfy { WorkerEnvironment($0).isInstalled }
    && FileManager.default.fileExists(atPath: conversations)

extension WorkerTests {
    /// The same weights, the same twenty batches of real conversations, stock losses: the same steps on every engine.
    ///
    /// The weights are the first layers of SmolLM2; `make curves` takes all of them.
    @Suite(.serialized, .enabled(if: canAgree)) struct AgreementTests {
        static let optimizer = OptimizerOptions(
            learningRate: 1e-6, epsilon: 1e-6, schedule: LearningRateSchedule(.constant))
        static let losses: [LossFunction] = [
            .crossEntropy, .linearCrossEntropy, .importanceSampling, .ppo(), .cispo(), .grpo(klCoefficient: 0.1), .reinforce,
            .gspo(), .dro(), .dpo(),
        ]

        struct Step {
            var loss: Double
            var norm: Double
        }

        @Test func lossAndGradientNormAgreeAtEachOfTwentySteps() async throws {
            try await withTemporaryDirectory { directory in
                try Self.writeModel(layers: 8, to: directory)
                try await Self.compareEngines(model: directory)
            }
        }

        private static func writeModel(layers: Int, to directory: String) throws {
            try ModelFiles.open(Golden.smolLM2).export(to: directory)
            let path = directory + "/config.json"
            let all = try String(contentsOfFile: path, encoding: .utf8)
            let some = all.replacing(/"num_hidden_layers" *: *30/, with: "\"num_hidden_layers\": \(layers)")
            try #require(some != all, "\(all)")
            try some.write(toFile: path, atomically: true, encoding: .utf8)
        }

        private static func compareEngines(model: String) async throws {
            let native = try await NativeTrainer(model: model, optimizer: optimizer)
            let batches = try await Self.batches(native)
            let expected = try await Self.steps(native, batches)
            func titan(_ change: @escaping @Sendable (inout TitanTrainer.Options) -> Void) -> () async throws -> any Trainer {
                {
                    var options = TitanTrainer.Options()
                    change(&options)
                    return try await TitanTrainer(model: model, optimizer: optimizer, options: options)
                }
            }
            let engines: [(name: String, start: () async throws -> any Trainer)] = [
                (
                    "remote",
                    {
                        try await RemoteTrainer(
                            at: ServedTrainer(try await NativeTrainer(model: model, optimizer: optimizer)).address)
                    }
                ),
                ("huggingface", { try await HuggingFaceTrainer(model: model, optimizer: optimizer) }),
                ("titan, 1 rank", titan { _ in }),
                ("titan, FSDP2", titan { $0.degrees.shard = 2 }),
                // The model has 9 heads and 3 heads of keys, which 2 ranks cannot divide.
                ("titan, tensor parallel", titan { $0.degrees.tensor = 3 }),
            ]
            for engine in engines {
                let found = try await Self.steps(try await engine.start(), batches)
                for (index, (found, expected)) in zip(found, expected).enumerated() {
                    let loss = losses[index % losses.count].name
                    #expect(
                        abs(found.loss - expected.loss) <= 1e-4 * max(1, abs(expected.loss)),
                        "\(engine.name), step \(index + 1), \(loss): \(found) and \(expected)")
                    #expect(
                        abs(found.norm - expected.norm) <= 1e-4 * max(1, expected.norm),
                        "\(engine.name), step \(index + 1), \(loss): \(found) and \(expected)")
                }
            }
        }

        /// Two rows each, of up to 64 tokens, and one of 700 that no rank can put through the head at once.
        private static func batches(_ trainer: NativeTrainer) async throws -> [TextTrainBatch] {
            let data = try Examples<TrainingExample>(path: conversations)
            var random = RandomNumbers(seed: 11)
            var batches: [TextTrainBatch] = []
            for (rows, length, count) in [(2, 64, 19), (2, 700, 1)] {
                var stream = try ExampleStream(
                    data, tokenizer: try await trainer.tokenizer(),
                    options: .init(rows: rows, sequenceLength: length, packing: true, learnedTokens: .all, shuffleSeed: 5))
                for _ in 0..<count {
                    var batch = try stream.next().batch
                    let shape = batch.inputIDs.shape
                    let logProbs = try await trainer.forward(ForwardInputs(logProbsOf: batch)).logProbs!.scalars
                    func near() throws -> Tensor<Float> {
                        try Tensor(zip(logProbs, random.floats(logProbs.count)).map { $0 + 0.2 * $1 }, shape: shape)
                    }
                    batch.targetWeights = try Tensor(random.floats(logProbs.count), shape: shape)
                    batch.lossInputs = ["samplerLogProbs": try near(), "referenceLogProbs": try near()]
                    batches.append(batch)
                }
            }
            return batches
        }

        private static func steps(_ trainer: any Trainer, _ batches: [TextTrainBatch]) async throws -> [Step] {
            var steps: [Step] = []
            for (index, batch) in batches.enumerated() {
                let loss = try await trainer.forwardBackward(batch, loss: losses[index % losses.count]).loss
                steps.append(Step(loss: loss, norm: try await trainer.optimStep().gradientNorm))
            }
            return steps
        }
    }
}
#endif
