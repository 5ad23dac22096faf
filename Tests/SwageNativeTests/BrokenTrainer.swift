import Swage
import SwageConformance
import SwageNative
import Testing
import TestSupport

/// A trainer that breaks one promise, to show that the conformance suite notices.
private actor BrokenTrainer: Trainer {
    private let inner: NativeTrainer
    private let broken: Conformance.Invariant
    private var dropped: TextTrainBatch?

    init(_ inner: NativeTrainer, broken: Conformance.Invariant) {
        self.inner = inner
        self.broken = broken
    }

    func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
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
            if broken == .forwardChangesNothing {
                _ = try await inner.optimStep()
                return try await inner.forwardBackward(batch, loss: loss)
            }
            return result
        } catch {
            if broken == .failedCallsLeaveNoTrace { try await inner.clearGradients() }
            if broken == .badInputIsAnError { return ForwardBackwardResult(loss: 0, metrics: [:]) }
            throw error
        }
    }

    func optimStep() async throws -> OptimStepResult { try await inner.optimStep() }

    func clearGradients() async throws {
        if broken != .clearedGradientsNeverWere { try await inner.clearGradients() }
    }

    func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs {
        let outputs = try await inner.forward(inputs)
        guard broken == .enginesAgree, let logProbs = outputs.logProbs else { return outputs }
        return ForwardOutputs(logProbs: try Tensor(logProbs.scalars.map { $0 * 1.001 }, shape: logProbs.shape))
    }

    func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        try await inner.save(
            name: broken == .checkpointsAreCompleteOrAbsent ? nil : name, path: path, weightsOnly: weightsOnly)
    }

    func load(_ path: String?) async throws -> LoadedCheckpoint {
        let loaded = try await inner.load(path)
        if broken == .loadingRestoresTheSave { try await inner.clearGradients() }
        return loaded
    }

    func config() async throws -> TrainerConfig { try await inner.config() }
    func status() async throws -> TrainerStatus { try await inner.status() }
    func tokenizer() async throws -> any Tokenizer { try await inner.tokenizer() }
}

@Suite struct BrokenTrainerTests {
    @Test(arguments: Conformance.Invariant.allCases)
    func theSuiteNoticesATrainerThatBreaks(_ invariant: Conformance.Invariant) async throws {
        try await withTemporaryDirectory { directory in
            let make = { @Sendable (directory: String) in
                try await NativeTrainer(
                    model: Golden.decoder("llama"), optimizer: OptimizerOptions(learningRate: 3e-3, epsilon: 1e-5),
                    checkpointDirectory: directory, threads: 1)
            }
            let conformance = Conformance(
                .init(
                    vocabularySize: 300, workspace: directory, isBitExact: true,
                    makeTrainer: { BrokenTrainer(try await make($0), broken: invariant) }, makeReference: make))
            await #expect(throws: ConformanceFailure.self) { try await conformance.check(invariant) }
        }
    }
}
