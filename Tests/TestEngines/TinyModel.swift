import Swage
import SwageNative
import TestSupport

/// A model of two layers that trains in milliseconds on every engine.
package enum TinyModel {
    package static let path = Golden.decoder("llama")
    package static let vocabularySize = 300

    /// An optimizer whose steps show.
    package static let optimizer = OptimizerOptions(
        learningRate: 3e-3, epsilon: 1e-5, weightDecay: 0.1,
        schedule: LearningRateSchedule(.cosine, warmupSteps: 2, totalSteps: 20))

    package static let batch = TextTrainBatch(
        inputIDs: Tensor(repeating: 5, shape: [2, 6]), targetIDs: Tensor(repeating: 7, shape: [2, 6]))

    /// A forwardBackward that takes minutes, of 400 products, between which it can be ended.
    package static var longCall: (batch: TextTrainBatch, loss: LossFunction) {
        let size = 1024
        let loss = LossFunction("long") { outputs, batch in
            let matrix = batch["w", [.fixed(size), .fixed(size)]]
            let product = (0..<400).reduce(matrix) { product, _ in product.matmul(matrix) }
            return LossValue(sum: product.sum() + outputs.logProbs.sum(), denominator: batch.targetMask.sum())
        }
        var long = batch
        long.lossInputs["w"] = Tensor(repeating: 1e-3, shape: [size, size])
        return (long, loss)
    }

    /// The model on the native engine.
    package static func trainer(
        _ directory: String = "default", optimizer: OptimizerOptions = optimizer, threads: Int = 1
    ) async throws -> NativeTrainer {
        try await NativeTrainer(model: path, optimizer: optimizer, checkpointDirectory: directory, threads: threads)
    }
}
