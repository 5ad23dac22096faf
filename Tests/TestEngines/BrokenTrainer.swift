import Swage
import SwageConformance

/// A trainer that breaks one promise, to show that the conformance suite notices.
package actor BrokenTrainer: Trainer {
    private let inner: any Trainer
    private let broken: Conformance.Invariant?
    private let flaw: Flaw?

    /// What is wrong in a corner of a promise.
    package enum Flaw: String, CaseIterable, Sendable {
        case wrongLogits, wrongEntropy, gradientOfAnotherLoss, metricsOfThisMicrobatchAlone

        /// The promise that it breaks.
        package var promise: Conformance.Invariant {
            self == .metricsOfThisMicrobatchAlone ? .microbatchesEqualOneBatch : .enginesAgree
        }
    }

    package init(_ inner: any Trainer, broken: Conformance.Invariant? = nil, flaw: Flaw? = nil) {
        (self.inner, self.broken, self.flaw) = (inner, broken, flaw)
    }

    package func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        var batch = batch
        do {
            switch broken {
            case .microbatchesEqualOneBatch:
                // The mean of means: every microbatch weighs the same.
                let equal = LossFunction("mean-of-means") { outputs, batch in
                    let count = batch.targetMask.sum()
                    return LossValue(
                        sum: (-outputs.logProbs * batch.targetWeights * batch.targetMask).sum() / count,
                        denominator: count / count)
                }
                return try await inner.forwardBackward(batch, loss: loss ?? equal)
            case .maskedContentChangesNothing:
                batch.segmentIDs = nil
            default: break
            }
            let result = try await inner.forwardBackward(batch, loss: loss)
            if flaw == .gradientOfAnotherLoss, loss != nil {
                try await inner.clearGradients()
                _ = try await inner.forwardBackward(batch)
            }
            if flaw == .metricsOfThisMicrobatchAlone {
                let metrics = result.metrics.mapValues { Metric.mean(sum: $0.value, over: 1) }
                return ForwardBackwardResult(sum: result.sum, denominator: result.denominator, metrics: metrics)
            }
            if broken == .forwardChangesNothing {
                _ = try await inner.optimStep()
                return try await inner.forwardBackward(batch, loss: loss)
            }
            return result
        } catch {
            if broken == .failedCallsLeaveNoTrace { try await inner.clearGradients() }
            if broken == .badInputIsAnError { return ForwardBackwardResult(sum: 0, denominator: 1) }
            throw error
        }
    }

    package func optimStep() async throws -> OptimStepResult { try await inner.optimStep() }

    package func clearGradients() async throws {
        if broken != .clearedGradientsNeverWere { try await inner.clearGradients() }
    }

    package func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs {
        var outputs = try await inner.forward(inputs)
        func wrong(_ tensor: Tensor<Float>?) throws -> Tensor<Float>? {
            try tensor.map { try Tensor($0.scalars.map { $0 * 1.001 }, shape: $0.shape) }
        }
        if broken == .enginesAgree { outputs.logProbs = try wrong(outputs.logProbs) }
        if flaw == .wrongLogits { outputs.logits = try wrong(outputs.logits) }
        if flaw == .wrongEntropy { outputs.entropy = try wrong(outputs.entropy) }
        return outputs
    }

    package func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        try await inner.save(
            name: broken == .checkpointsAreCompleteOrAbsent ? nil : name, path: path, weightsOnly: weightsOnly)
    }

    package func load(_ path: String?) async throws -> LoadedCheckpoint {
        let loaded = try await inner.load(path)
        if broken == .loadingRestoresTheSave { try await inner.clearGradients() }
        return loaded
    }

    package func config() async throws -> TrainerConfig { try await inner.config() }
    package func status() async throws -> TrainerStatus { try await inner.status() }
    package func tokenizer() async throws -> any Tokenizer { try await inner.tokenizer() }
}
