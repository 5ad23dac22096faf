import Foundation
import Swage
import SwageNative
import TestEngines
import Testing
import TestSupport

/// A step is taken whole, or refused where it would leave weights that are no numbers.
@Suite struct StepLimitTests {
    static let absurd: [OptimizerOptions] = [
        OptimizerOptions(learningRate: 1e38, maxGradientNorm: nil), OptimizerOptions(learningRate: 1e39),
        OptimizerOptions(learningRate: 1e300), OptimizerOptions(learningRate: 1e20, weightDecay: 1e20),
        OptimizerOptions(learningRate: 1, weightDecay: 1e300),
    ]

    @Test(arguments: absurd)
    func aStepThatWouldLeaveNoNumbersIsRefusedAndChangesNothing(_ options: OptimizerOptions) async throws {
        let trainer = try await TinyModel.trainer(optimizer: options)
        func logits() async throws -> [Float] {
            try await trainer.forward(ForwardInputs(inputIDs: TinyModel.batch.inputIDs, outputs: [.logits])).logits!.scalars
        }
        let before = try await logits()
        _ = try await trainer.forwardBackward(TinyModel.batch)
        let error = await #expect(throws: TrainerError.self) { try await trainer.optimStep() }
        #expect(error?.code == .nonFinite, "\(String(describing: error))")
        #expect(try await logits() == before)
        #expect(try await trainer.status() == TrainerStatus(step: 0, accumulatedMicrobatches: 1))
        // The gradients are as they were: the same step is refused again, and what is cleared is gone.
        _ = try? await trainer.optimStep()
        try await trainer.clearGradients()
        #expect(try await trainer.status().accumulatedMicrobatches == 0)
        #expect(try await logits() == before)
    }

    /// Rates that are large but leave numbers are taken, by the path that looks at each element.
    @Test func aLargeRateThatLeavesNumbersIsTaken() async throws {
        let trainer = try await TinyModel.trainer(optimizer: OptimizerOptions(learningRate: 1e25))
        _ = try await trainer.forwardBackward(TinyModel.batch)
        #expect(try await trainer.optimStep().step == 1)
    }

    @Test func aRefusedStepLeavesMomentsAsTheyWere() async throws {
        // The rate of the second step is that of the peak; the first, of a warm-up, is small.
        func steps(_ peak: Double, tries: Int) async throws -> [Float] {
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let options = OptimizerOptions(learningRate: 1e-3)
            let trainer = try await TinyModel.trainer(directory, optimizer: options)
            _ = try await trainer.forwardBackward(TinyModel.batch)
            _ = try await trainer.optimStep()
            let saved = try await trainer.save()
            let other = try await TinyModel.trainer(directory, optimizer: options)
            _ = try await other.load(saved.path)
            for _ in 0..<tries {
                let huge = LossFunction("huge") { outputs, batch in
                    LossValue(sum: -outputs.logProbs.sum() * peak, denominator: batch.targetMask.sum())
                }
                _ = try? await other.forwardBackward(TinyModel.batch, loss: huge)
                _ = try? await other.optimStep()
                try await other.clearGradients()
            }
            _ = try await other.forwardBackward(TinyModel.batch)
            _ = try await other.optimStep()
            return try await other.forward(
                ForwardInputs(inputIDs: TinyModel.batch.inputIDs, outputs: [.logits])
            ).logits!.scalars
        }
        #expect(try await steps(1e60, tries: 3) == steps(1, tries: 0))
    }

    @Test func theLossesAskedForLastAreKeptAndNoMore() {
        var cache = BoundedCache<Int, [Int]>(count: 3, size: 10)
        var made: [Int] = []
        func value(_ key: Int, size: Int) {
            _ = cache.value(for: key, size: \.count) {
                made.append(key)
                return Array(repeating: key, count: size)
            }
        }
        for key in [1, 2, 3, 1, 4, 1, 2] { value(key, size: 2) }
        #expect(made == [1, 2, 3, 4, 2])
        value(5, size: 9)
        #expect(cache.count == 1 && cache.size == 9)
        value(6, size: 11)
        #expect(cache.count == 1 && cache.size == 9)
    }
}
