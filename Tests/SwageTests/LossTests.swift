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

    private func environment(_ loss: LossFunction, _ logProbs: [Double]) throws -> LossProgram.Environment {
        var environment = LossProgram.Environment(loss.program, batch: try batch(), vocabulary: 5, hidden: 4)
        environment.outputs[.logProbs] = Tensor(unchecked: logProbs, shape: Self.shape)
        return environment
    }

    static let losses: [LossFunction] = [
        .crossEntropy,
        LossFunction("clipped") { outputs, batch in
            let ratio = exp(outputs.logProbs - batch["other"])
            let gain = minimum(ratio * batch.targetWeights, clip(ratio, 0.8...1.2) * batch.targetWeights)
            return .mean(of: -gain, over: batch.targetMask)
                .reporting("clip_fraction", .mean(of: ratio.isOutside(0.8...1.2), over: batch.targetMask))
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
        let logProbs = [-0.3, -1.7, -2.2, -0.9, -1.1, -3]
        let derivative = LossDerivative(loss.program)
        let gradient = derivative.program.evaluate(
            [try #require(derivative.outputGradients[.logProbs])], in: try environment(loss, logProbs))[0]
        for token in logProbs.indices {
            func sum(_ shift: Double) throws -> Double {
                var moved = logProbs
                moved[token] += shift
                return loss.program.evaluate([loss.program.sum], in: try environment(loss, moved))[0].scalars[0]
            }
            let numeric = try (sum(1e-5) - sum(-1e-5)) / 2e-5
            #expect(abs(gradient.scalars[token] - numeric) < 1e-7 * max(1, abs(numeric)), "\(loss.name), token \(token)")
        }
    }

    @Test func aProgramListsWhatItReads() {
        #expect(Self.losses[1].program.outputsRead == [.logProbs])
        #expect(Set(Self.losses[1].program.fieldsRead.keys) == ["targetMask", "targetWeights", "other"])
    }

    @Test func onlyLossesThatAreLinearInTheLogProbsHaveAConstantDerivative() {
        let independent = Self.losses.map {
            let derivative = LossDerivative($0.program)
            return derivative.isIndependentOfOutputs(Array(derivative.outputGradients.values))
        }
        #expect(independent == [true, false, false, false])
    }

    @Test func crossEntropyReportsPerplexityAndTokensWithoutTheWeights() throws {
        let program = LossFunction.crossEntropy.program
        let metrics = Dictionary(uniqueKeysWithValues: program.metrics.map { ($0.name, $0.node) })
        let values = program.evaluate(
            [metrics["perplexity"]!, metrics["tokens"]!],
            in: try environment(.crossEntropy, [-1, -2, -100, -3, -4, -5]))
        #expect(abs(values[0].scalars[0] - exp(3)) < 1e-9)
        #expect(values[1].scalars[0] == 5)
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

    @Test func aValueThatNoMemoryHoldsIsRefusedBeforeAnyWork() throws {
        let huge = LossFunction("huge") { outputs, batch in
            let square = outputs.logits.using("outer", [outputs.logits])
            return LossValue(sum: square.sum(), denominator: batch.targetMask.sum())
        }
        let outputs = Set(ModelOutput.allCases)
        try huge.validate(batch: try batch(), engineOutputs: outputs, vocabularySize: 300, hiddenSize: 4)
        let error = #expect(throws: TrainerError.self) {
            try huge.validate(batch: try batch(), engineOutputs: outputs, vocabularySize: 49152, hiddenSize: 4)
        }
        #expect(error?.description.contains("[49152, 49152]") == true, "\(String(describing: error))")
    }

    @Test func anExpressionThatAnotherLossLeftBehindIsAnError() throws {
        var stolen: LossExpression?
        _ = LossFunction("owner") { outputs, batch in
            stolen = outputs.logProbs
            return .mean(of: outputs.logProbs, over: batch.targetMask)
        }
        let thieves = [
            LossFunction("thief") { outputs, batch in .mean(of: outputs.logProbs + stolen!, over: batch.targetMask) },
            LossFunction("thief") { outputs, batch in .mean(of: stolen! + outputs.logProbs, over: batch.targetMask) },
            LossFunction("thief") { _, batch in LossValue(sum: stolen!, denominator: batch.targetMask.sum()) },
        ]
        for thief in thieves {
            let error = #expect(throws: TrainerError.self) {
                try thief.validate(batch: try batch(), engineOutputs: Set(ModelOutput.allCases))
            }
            let text = try #require(error?.description)
            #expect(text.contains("thief") && text.contains("another loss") && text.contains("LossTests.swift:"), "\(text)")
        }
    }

    @Test func whatDoesNotFitIsAnErrorWithTheExpressionAndTheLine() throws {
        let odd: [(LossFunction, String)] = [
            (
                LossFunction("vocabulary-for-sequence") { outputs, batch in
                    .mean(of: outputs.logits + outputs.logProbs, over: batch.targetMask)
                }, "add(logits [batch, sequence, vocabulary], logProbs [batch, sequence])"
            ),
            (
                LossFunction("no-scalar") { outputs, batch in
                    LossValue(sum: outputs.logProbs, denominator: batch.targetMask.sum())
                }, "the sum, logProbs, has the shape [batch, sequence]"
            ),
            (
                LossFunction("no-such-axis") { outputs, batch in
                    .mean(of: outputs.logProbs.sum(axis: 5), over: batch.targetMask)
                }, "no axis 5"
            ),
            (
                LossFunction("not-finite") { outputs, batch in .mean(of: outputs.logProbs * .nan, over: batch.targetMask) },
                "not finite"
            ),
        ]
        for (loss, mentioned) in odd {
            let error = #expect(throws: TrainerError.self) {
                try loss.validate(batch: try batch(), engineOutputs: Set(ModelOutput.allCases))
            }
            let text = try #require(error?.description)
            #expect(text.contains(loss.name) && text.contains(mentioned) && text.contains("LossTests.swift:"), "\(text)")
        }
    }

    /// However a loss spells the log-probabilities of the targets, no logits are built for them.
    @Test func longWaysToLogitsAndLogProbsAreRecognized() {
        #expect(LossFunction.linearCrossEntropy.program.outputsRead == [.logProbs])
        let others: [(LossFunction, Set<ModelOutput>)] = [
            (
                LossFunction("of targets") { outputs, batch in
                    .mean(of: -outputs.logProbs(of: batch.targetIDs), over: batch.targetMask)
                }, [.logProbs]
            ),
            (
                LossFunction("of others") { outputs, batch in
                    .mean(of: -outputs.logProbs(of: batch["ids"]), over: batch.targetMask)
                }, [.logits]
            ),
            (
                LossFunction("largest") { outputs, batch in
                    let logits = outputs.hiddenStates.matmul(outputs.outputHead.transposed)
                    return .mean(of: logits.max(axis: -1), over: batch.targetMask)
                }, [.logits]
            ),
        ]
        for (loss, outputs) in others { #expect(loss.program.outputsRead == outputs, "\(loss.name)") }
    }
}
