import Foundation
import Swage
import SwageConformance

/// A trainer that breaks one promise, to show that the conformance suite notices.
package actor BrokenTrainer: Trainer {
    package let inner: any Trainer
    private let broken: Conformance.Invariant?
    private let flaw: Flaw?
    /// Whether it is behind a connection on which each request is made twice.
    private let isAskedTwice: Bool
    private var first: String?
    private var underWay: Task<ForwardBackwardResult, any Error>?

    /// What is wrong in a corner of a promise.
    package enum Flaw: String, CaseIterable, Sendable {
        case wrongLogits, wrongEntropy, wrongHiddenStates, wrongOutputHead, gradientOfAnotherLoss, optimizerOfAStepIgnored
        case segmentsIgnoredByPrograms, lossInputsOfMaskedPositionsIgnored, everyMetricIsASum
        case metricsOfThisMicrobatchAlone, otherLogitsUnderAMask
        case repeatedRequestsCount, statusWaits, cancelledCallsCount
        case errorsThatSayNothing, errorsThatExpectTheSame, refusedStepsClear, savesInPieces, savedWeightsClear, loadsTheOldest
        // Those of a sampler.
        case logProbsOfAnotherTemperature, otherTokensOfOneSeed, unlikelyTokensAtTemperature0, firstTokensIgnored, endTokensIgnored
        case lengthIgnored, oldWeightsNamed
        case temperatureSquared, topKIgnoredWithTopP, topPIgnoredWithTopK, logProbsAtTheTemperature
        case seedOfTheBatch, seedOfTheConcurrency, seedOf32Bits, streamOfTheIndex, streamOf32Bits
        case stopStringsIgnored, atMost8Tokens, oneEndTokenAlone, oneFirstTokenAlone, promptCutTo8, otherTokensTold, emptyPromptsTaken

        /// The promise that it breaks.
        package var promise: Conformance.Invariant {
            switch self {
            case .wrongLogits, .wrongEntropy, .wrongHiddenStates, .wrongOutputHead, .gradientOfAnotherLoss, .optimizerOfAStepIgnored: .enginesAgree
            case .segmentsIgnoredByPrograms, .lossInputsOfMaskedPositionsIgnored, .everyMetricIsASum: .enginesAgree
            case .otherLogitsUnderAMask: .maskedContentChangesNothing
            case .metricsOfThisMicrobatchAlone: .microbatchesEqualOneBatch
            case .repeatedRequestsCount, .statusWaits, .cancelledCallsCount: .failedCallsLeaveNoTrace
            case .errorsThatSayNothing, .errorsThatExpectTheSame, .refusedStepsClear, .emptyPromptsTaken: .badInputIsAnError
            case .savesInPieces, .savedWeightsClear: .loadingRestoresTheSave
            case .loadsTheOldest: .checkpointsAreCompleteOrAbsent
            default: .forwardChangesNothing
            }
        }
    }

    package init(_ inner: any Trainer, broken: Conformance.Invariant? = nil, flaw: Flaw? = nil, isAskedTwice: Bool = false) {
        (self.inner, self.broken, self.flaw, self.isAskedTwice) = (inner, broken, flaw, isAskedTwice)
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
            if loss != nil { batch = ignoringSome(of: batch) }
            let result = try await learn(batch, loss)
            if flaw == .gradientOfAnotherLoss, loss != nil {
                try await inner.clearGradients()
                _ = try await inner.forwardBackward(batch)
            }
            if flaw == .metricsOfThisMicrobatchAlone {
                let metrics = result.metrics.mapValues { Metric.mean(sum: $0.value, over: 1) }
                return ForwardBackwardResult(sum: result.sum, denominator: result.denominator, metrics: metrics)
            }
            if flaw == .everyMetricIsASum {
                return ForwardBackwardResult(
                    sum: result.sum, denominator: result.denominator, metrics: loss == nil ? result.metrics : result.metrics.mapValues { .sum($0.value) })
            }
            if broken == .forwardChangesNothing {
                _ = try await inner.optimStep()
                return try await inner.forwardBackward(batch, loss: loss)
            }
            return result
        } catch {
            if broken == .failedCallsLeaveNoTrace { try await inner.clearGradients() }
            if broken == .badInputIsAnError { return ForwardBackwardResult(sum: 0, denominator: 1) }
            if flaw == .errorsThatSayNothing, let error = error as? TrainerError { throw TrainerError(error.code, "error") }
            if flaw == .errorsThatExpectTheSame, let error = error as? TrainerError {
                throw TrainerError(error.code, error.message, expected: "something else")
            }
            throw error
        }
    }

    /// What programs read of the batch.
    private func ignoringSome(of batch: TextTrainBatch) -> TextTrainBatch {
        var batch = batch
        if flaw == .segmentsIgnoredByPrograms { batch.segmentIDs = nil }
        if flaw == .lossInputsOfMaskedPositionsIgnored, let mask = batch.targetMask {
            batch.lossInputs = batch.lossInputs.mapValues { tensor in
                tensor.shape == mask.shape ? (try? Tensor(zip(tensor.scalars, mask.scalars).map { $0 * $1 }, shape: mask.shape)) ?? tensor : tensor
            }
        }
        return batch
    }

    private func learn(_ batch: TextTrainBatch, _ loss: LossFunction?) async throws -> ForwardBackwardResult {
        if flaw == .repeatedRequestsCount, isAskedTwice { _ = try await inner.forwardBackward(batch, loss: loss) }
        guard flaw == .statusWaits || flaw == .cancelledCallsCount else { return try await inner.forwardBackward(batch, loss: loss) }
        let call = Task { [inner] in try await inner.forwardBackward(batch, loss: loss) }
        underWay = call
        let result = try await call.value
        if flaw == .cancelledCallsCount { try Task.checkCancellation() }
        return result
    }

    package func optimStep(_ optimizer: OptimizerOptions?) async throws -> OptimStepResult {
        do {
            return try await inner.optimStep(flaw == .optimizerOfAStepIgnored ? nil : optimizer)
        } catch {
            if flaw == .refusedStepsClear { try await inner.clearGradients() }
            throw error
        }
    }

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
        if flaw == .wrongHiddenStates { outputs.hiddenStates = try wrong(outputs.hiddenStates) }
        if flaw == .wrongOutputHead { outputs.outputHead = try wrong(outputs.outputHead) }
        if flaw == .otherLogitsUnderAMask, inputs.targetMask != nil { outputs.logits = try wrong(outputs.logits) }
        return outputs
    }

    package func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        if flaw == .savesInPieces, name == nil, let path { return try await saveInPieces(path, weightsOnly: weightsOnly) }
        let saved = try await inner.save(
            name: broken == .checkpointsAreCompleteOrAbsent ? nil : name, path: path, weightsOnly: weightsOnly)
        first = first ?? saved.path
        if flaw == .savedWeightsClear, weightsOnly { try await inner.clearGradients() }
        return saved
    }

    /// Writes a checkpoint a file at a time.
    private func saveInPieces(_ path: String, weightsOnly: Bool) async throws -> SavedCheckpoint {
        let whole = try await inner.save(name: nil, path: path + "-whole", weightsOnly: weightsOnly).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for file in try FileManager.default.contentsOfDirectory(atPath: whole) {
            try await Task.sleep(for: .milliseconds(20))
            try FileManager.default.moveItem(atPath: "\(whole)/\(file)", toPath: "\(path)/\(file)")
        }
        try FileManager.default.removeItem(atPath: whole)
        return SavedCheckpoint(path: path)
    }

    package func load(_ path: String?) async throws -> LoadedCheckpoint {
        let loaded = try await inner.load(flaw == .loadsTheOldest ? path ?? first : path)
        if broken == .loadingRestoresTheSave { try await inner.clearGradients() }
        return loaded
    }

    package func config() async throws -> TrainerConfig { try await inner.config() }
    package func tokenizer() async throws -> any Tokenizer { try await inner.tokenizer() }

    package func status() async throws -> TrainerStatus {
        if flaw == .statusWaits { _ = try? await underWay?.value }
        return try await inner.status()
    }
}
