import Foundation
import Swage
import Testing

@Suite struct LossTests {
    private static let shape = [2, 3]

    private func batch(_ numbers: [Float] = [0.5, -1, 2, 0.25, -0.75, 1.5]) throws -> TextTrainBatch {
        TextTrainBatch(
            inputIDs: Tensor(repeating: 1, shape: Self.shape), targetIDs: Tensor(repeating: 1, shape: Self.shape),
            targetMask: try Tensor([1, 1, 0, 1, 1, 1], shape: Self.shape),
            targetWeights: try Tensor(numbers, shape: Self.shape),
            lossInputs: ["other": try Tensor(numbers.map { -$0 - 0.1 }, shape: Self.shape)])
    }

    /// Losses that together use every operation.
    static let losses: [LossFunction] = [
        .crossEntropy,
        LossFunction("clipped") { outputs, batch in
            let ratio = exp(outputs.logProbs - batch["other"])
            let gain = minimum(ratio * batch.targetWeights, clip(ratio, 0.8...1.2) * batch.targetWeights)
            return .mean(of: -gain, over: batch.targetMask)
        },
        LossFunction("mixed") { outputs, batch in
            let p = exp(outputs.logProbs)
            let mean = (p * batch.targetMask).sum() / batch.targetMask.sum()
            return .mean(of: log(1 + p) / (2 - p) + (p - mean) * (p - mean) * 3, over: batch.targetMask)
        },
        LossFunction("scalar") { outputs, batch in
            let total = (outputs.logProbs * batch.targetMask).sum()
            return LossValue(sum: maximum(total * total / 5, -total) - 0.5, denominator: batch.targetMask.sum())
        },
    ]

    @Test(arguments: losses)
    func derivativesEqualFiniteDifferences(_ loss: LossFunction) throws {
        let logProbs: [Float] = [-0.3, -1.7, -2.2, -0.9, -1.1, -3]
        let derivative = loss.program.derivative()
        func sum(_ logProbs: [Float]) throws -> Double {
            let environment = LossProgram.Environment(batch: try batch(), outputs: [.logProbs: logProbs])
            return loss.program.evaluate([loss.program.sum], in: environment)[0].scalar
        }
        let environment = LossProgram.Environment(batch: try batch(), outputs: [.logProbs: logProbs])
        let node = try #require(derivative.nodes[.logProbs])
        let gradient = derivative.program.evaluate([node], in: environment)[0]
        for token in logProbs.indices {
            var (up, down) = (logProbs, logProbs)
            up[token] += 1e-3
            down[token] -= 1e-3
            let numeric = try (sum(up) - sum(down)) / Double(up[token] - down[token])
            #expect(abs(gradient[token] - numeric) < 1e-4 * max(1, abs(numeric)), "\(loss.name), token \(token)")
        }
    }

    @Test func aProgramListsWhatItReads() {
        #expect(Self.losses[1].program.outputsRead == [.logProbs])
        #expect(Self.losses[1].program.fieldsRead == [.targetMask, .targetWeights, .lossInput("other")])
    }

    @Test func onlyLossesThatAreLinearInTheLogProbsHaveAConstantDerivative() {
        let independent = Self.losses.map { $0.program.derivative().isIndependent(of: .logProbs) }
        #expect(independent == [true, false, false, false])
    }

    @Test func crossEntropyReportsPerplexityAndTokensWithoutTheWeights() throws {
        let logProbs: [Float] = [-1, -2, -100, -3, -4, -5]
        let program = LossFunction.crossEntropy.program
        let environment = LossProgram.Environment(batch: try batch(), outputs: [.logProbs: logProbs])
        let metrics = Dictionary(uniqueKeysWithValues: program.metrics.map { ($0.name, $0.node) })
        let values = program.evaluate([metrics["perplexity"]!, metrics["tokens"]!], in: environment).map(\.scalar)
        #expect(abs(values[0] - exp(3)) < 1e-9)
        #expect(values[1] == 5)
    }

    @Test func aMissingLossInputIsAnErrorThatNamesLossAndInput() throws {
        let full = try batch()
        let bare = TextTrainBatch(inputIDs: full.inputIDs, targetIDs: full.targetIDs)
        let error = #expect(throws: TrainerError.self) {
            try Self.losses[1].validate(batch: bare, engineOutputs: [.logProbs])
        }
        #expect(error?.code == .invalidLoss)
        let message = try #require(error?.message)
        #expect(message.contains("clipped") && message.contains("other"))
    }

    @Test func anOutputThatTheEngineLacksIsAnErrorThatNamesIt() throws {
        let error = #expect(throws: TrainerError.self) {
            try LossFunction.crossEntropy.validate(batch: try batch(), engineOutputs: [])
        }
        #expect(error?.message.contains("logProbs") == true)
    }
}
