import Swage
import SwageNative
import Testing
import TestEngines

/// What is NaN says from which operation.
@Suite struct NonFiniteTests {
    private func message(_ body: @escaping (LossOutputs, LossBatch) -> LossValue, mask: [Float] = [1, 1, 1]) async throws -> String {
        let trainer = try await TinyModel.trainer()
        let batch = TextTrainBatch(
            inputIDs: Tensor(repeating: 5, shape: [1, 3]), targetIDs: Tensor(repeating: 7, shape: [1, 3]),
            targetMask: try Tensor(mask, shape: [1, 3]))
        let error = await #expect(throws: TrainerError.self) { _ = try await trainer.forwardBackward(batch, loss: LossFunction("odd", body)) }
        #expect(error?.code == .nonFinite)
        return error?.message ?? ""
    }

    @Test func theOperationAndThePlaceThatItComesFromAreNamed() async throws {
        let text = try await message { outputs, batch in .mean(of: log(outputs.logProbs) * 2 + 1, over: batch.targetMask) }
        #expect(text.hasSuffix(": log(logProbs) is nan at [0, 0]"), "\(text)")
    }

    /// The classic: a mask does not hide what is infinite where nothing is counted.
    @Test func aMaskedPlaceIsNamedToo() async throws {
        let text = try await message({ outputs, batch in .mean(of: log(outputs.entropy), over: batch.targetMask) }, mask: [1, 0, 1])
        #expect(text.hasSuffix(": log(entropy) is -inf at [0, 1]"), "\(text)")
    }

    @Test func whatIsHiddenByAChoiceIsNotNamed() async throws {
        let text = try await message { outputs, batch in
            let harmless = select(outputs.logProbs .< 0, outputs.logProbs, log(outputs.logProbs))
            return .mean(of: harmless / (batch.targetMask - 1), over: batch.targetMask)
        }
        #expect(text.contains("divide(select(") && text.hasSuffix("is -inf at [0, 0]"), "\(text)")
    }

    @Test func aDenominatorOfNothingIsItsOwnReason() async throws {
        let text = try await message { outputs, batch in LossValue(sum: outputs.logProbs.sum(), denominator: batch.targetMask.sum() * 0) }
        #expect(text.hasSuffix(" / 0.0"), "\(text)")
    }

    @Test func aLossOfLogitsNamesIt() async throws {
        let text = try await message { outputs, batch in .mean(of: log(outputs.logits.max(axis: -1) - 1e6), over: batch.targetMask) }
        #expect(text.contains("log(subtract(") && text.hasSuffix("is nan at [0, 0]"), "\(text)")
    }
}
