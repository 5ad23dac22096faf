import Foundation
import Swage
import Testing

@Suite struct ContractTests {
    @Test func aTensorWithTheWrongNumberOfElementsIsAnErrorWithBothNumbers() {
        let error = #expect(throws: TrainerError.self) { try Tensor([1, 2, 3], shape: [2, 2]) }
        #expect(error?.localizedDescription == error?.description)
        #expect(error?.description == "a tensor of shape [2, 2] was given 3 elements; expected 4 elements")
    }

    @Test func aMetricThatIsNaNInOneMicrobatchIsNaNInTheStep() {
        for kind in [Metric.maximum, Metric.sum] {
            for pair in [(1.0, Double.nan), (Double.nan, 1.0)] {
                let together = kind(pair.0).combined(with: kind(pair.1))?.value ?? 0
                #expect(together.isNaN, "\(pair) come to \(together)")
            }
        }
    }

    @Test func hugeAndNegativeShapesAreErrors() {
        #expect(throws: TrainerError.self) { try Tensor([Float](), shape: [Int.max, 2]) }
        #expect(throws: TrainerError.self) { try Tensor([Float](), shape: [-1, 0]) }
    }

    @Test func raggedRowsAreAnErrorThatNamesTheRow() {
        let error = #expect(throws: TrainerError.self) { try Tensor(rows: [[1, 2], [3]]) }
        #expect(error?.message.contains("row 1") == true)
    }

    @Test func subscriptsReadRowMajorOrder() throws {
        let tensor = try Tensor(rows: [[1, 2, 3], [4, 5, 6]])
        #expect(tensor[1, 0] == 4 && tensor[0, 2] == 3)
    }

    @Test func aBadTokenIsNamedWithItsPlaceAndTheVocabulary() throws {
        let batch = TextTrainBatch(
            inputIDs: try Tensor(rows: [[1, 2], [3, 999]]), targetIDs: Tensor(repeating: 0, shape: [2, 2]))
        let error = #expect(throws: TrainerError.self) { try batch.validate(vocabularySize: 300) }
        #expect(error?.description == "inputIDs[1, 1] is 999; expected a token id in 0..<300")
    }

    /// The values that torch's LambdaLR and transformers' schedules give, counted from the first step.
    @Test func schedulesWarmUpAndDecay() {
        let linear = LearningRateSchedule(.linear, warmupSteps: 2, totalSteps: 6)
        #expect((0..<7).map(linear.factor) == [0.5, 1, 1, 0.75, 0.5, 0.25, 0])
        let cosine = LearningRateSchedule(.cosine, warmupSteps: 0, totalSteps: 4)
        for (step, expected) in [1, (1 + 0.5.squareRoot()) / 2, 0.5, (1 - 0.5.squareRoot()) / 2, 0].enumerated() {
            #expect(abs(cosine.factor(afterSteps: step) - expected) < 1e-12)
        }
        #expect(LearningRateSchedule.constant.factor(afterSteps: 1000) == 1)
    }

    @Test(arguments: [
        OptimizerOptions(learningRate: -1), OptimizerOptions(learningRate: .nan), OptimizerOptions(beta1: 1),
        OptimizerOptions(beta2: -0.1), OptimizerOptions(epsilon: 0), OptimizerOptions(epsilon: 1e-300), OptimizerOptions(epsilon: 1e308),
        OptimizerOptions(maxGradientNorm: 1e-300), OptimizerOptions(weightDecay: -1),
        OptimizerOptions(maxGradientNorm: 0), OptimizerOptions(schedule: .init(.cosine, warmupSteps: 5, totalSteps: 5)),
        OptimizerOptions(schedule: .init(.constant, warmupSteps: -1)),
    ])
    func optionsThatMakeNoSenseAreErrors(_ options: OptimizerOptions) {
        let error = #expect(throws: TrainerError.self) { try options.validate() }
        #expect(error?.code == .invalidOption)
    }
}
