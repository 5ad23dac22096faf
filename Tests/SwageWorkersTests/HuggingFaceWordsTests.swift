#if Engines
import Foundation
import Swage
import SwageNative
import SwageWorkers
import TestEngines
import TestSupport
import Testing

extension WorkerTests {
    /// What the engine takes and refuses is what the native one takes and refuses, in the same words.
    @Suite(.serialized, .enabled(if: WorkerEnvironment("huggingface").isInstalled)) struct HuggingFaceWordsTests {
        private static func trainers(_ model: String = "llama") async throws -> [any Trainer] {
            [
                try await HuggingFaceTrainer(model: Golden.decoder(model), optimizer: HuggingFaceTests.optimizer),
                try await NativeTrainer(model: Golden.decoder(model), optimizer: HuggingFaceTests.optimizer, threads: 1),
            ]
        }

        @Test func aLossThatReachesNoWeightHasTheGradient0() async throws {
            let losses = [
                LossFunction("still") { outputs, batch in
                    LossValue(sum: stopGradient(outputs.logProbs).sum(), denominator: batch.targetMask.sum())
                },
                LossFunction("constant") { _, batch in LossValue(sum: batch.targetMask.sum(), denominator: batch.targetMask.sum()) },
            ]
            for trainer in try await Self.trainers() {
                for loss in losses {
                    _ = try await trainer.forwardBackward(TinyModel.batch, loss: loss)
                    let step = try await trainer.optimStep()
                    #expect(step.gradientNorm == 0 && step.accumulatedMicrobatches == 1, "\(loss.name): \(step)")
                }
            }
        }

        @Test func whatIsWrongWithABatchIsSaidInTheWordsOfTheNativeEngine() async throws {
            func changed(_ change: (inout TextTrainBatch) throws -> Void) rethrows -> TextTrainBatch {
                var batch = TinyModel.batch
                try change(&batch)
                return batch
            }
            let shape = TinyModel.batch.inputIDs.shape
            func ones(but value: Float, at place: Int) throws -> Tensor<Float> {
                var scalars = [Float](repeating: 1, count: shape[0] * shape[1])
                scalars[place] = value
                return try Tensor(scalars, shape: shape)
            }
            let batches = [
                try changed { $0.targetMask = try ones(but: 0.5, at: 1) }, try changed { $0.targetWeights = try ones(but: .nan, at: 2) },
                try changed { $0.lossInputs["w"] = try ones(but: .infinity, at: shape[1] + 1) },
                try changed { $0.lossInputs["w"] = try Tensor([.nan], shape: []) },
                try changed {
                    let ids: [Int32] = [7, 8] + [Int32](repeating: 7, count: shape[0] * shape[1] - 2)
                    $0.segmentIDs = try Tensor(ids, shape: shape)
                },
            ]
            let trainers = try await Self.trainers()
            for batch in batches {
                var words: [String?] = []
                for trainer in trainers {
                    let error = await #expect(throws: TrainerError.self) { try await trainer.forwardBackward(batch, loss: nil) }
                    words.append(error?.description)
                }
                #expect(words[0] == words[1] && words[0] != nil, "\(words)")
            }
        }

        @Test func aSequenceBeyondLearnedPositionsIsTooLargeAsOnTheNativeEngine() async throws {
            let ids = Tensor<Int32>(repeating: 5, shape: [1, 300])
            var words: [String?] = []
            for trainer in try await Self.trainers("gpt2") {
                let error = await #expect(throws: TrainerError.self) {
                    try await trainer.forwardBackward(TextTrainBatch(inputIDs: ids, targetIDs: ids), loss: nil)
                }
                #expect(error?.code == .tooLarge)
                words.append(error?.description)
            }
            #expect(words[0] == words[1], "\(words)")
        }
    }
}
#endif
