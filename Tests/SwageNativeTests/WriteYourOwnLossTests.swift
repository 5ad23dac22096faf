import Foundation
import Swage
import SwageNative
import Testing
import TestSupport

@Suite struct WriteYourOwnLossTests {
    private func sections() throws -> [(name: String, code: String)] {
        let source = try String(
            contentsOfFile: Golden.repository + "/Tests/SwageNativeTests/WriteYourOwnLoss.swift", encoding: .utf8)
        return source.components(separatedBy: "// MARK: ").dropFirst().map { section in
            let end = section.firstIndex(of: "\n")!
            let code = section[end...].trimmingCharacters(in: .newlines)
            return (String(section[..<end]), code)
        }
    }

    @Test func theLossesOfThePageAreTheOnesThatAreCompiled() throws {
        let page = try String(contentsOfFile: Golden.repository + "/docs/WriteYourOwnLoss.md", encoding: .utf8)
        for (name, code) in try sections() { #expect(page.contains("```swift\n\(code)\n```"), "\(name)") }
    }

    @Test func theLossesOfThePageTrain() async throws {
        let golden = try GoldenTensors(Golden.decoder("llama") + "/golden.safetensors")
        var batch = try golden.batch(0)
        batch.lossInputs["teacherStates"] = Tensor(repeating: 0.5, shape: batch.inputIDs.shape + [24])
        for loss in [confident, flat(limit: 1), perSequence, imitation] {
            let trainer = try await NativeTrainer(
                model: Golden.decoder("llama"), optimizer: OptimizerOptions(learningRate: 1e-3), threads: 2)
            let first = try await trainer.forwardBackward(batch, loss: loss).loss
            for _ in 0..<10 {
                _ = try await trainer.optimStep()
                _ = try await trainer.forwardBackward(batch, loss: loss)
            }
            try await trainer.clearGradients()
            let last = try await trainer.forwardBackward(batch, loss: loss).loss
            #expect(last < first, "\(loss.name) went from \(first) to \(last)")
            let decoded = try JSONDecoder().decode(LossFunction.self, from: JSONEncoder().encode(loss))
            #expect(decoded == loss)
        }
    }

    /// A loss on all logits at once, and the same one position by position.
    @Test func chunksOfLogitsGiveWhatAllOfThemGive() async throws {
        let golden = try GoldenTensors(Golden.decoder("qwen3") + "/golden.safetensors")
        let batch = try golden.batch(1)
        let local = LossFunction("local") { outputs, batch in
            .mean(of: (outputs.logits.softmax(axis: -1) * tanh(outputs.logits)).sum(axis: -1), over: batch.targetMask)
        }
        let whole = LossFunction("whole") { outputs, batch in
            // Cumulative sums over positions, taken back at once, make the program need all positions.
            let sums = outputs.logits.cumulativeSum(axis: 1)
            let logits = outputs.logits + (sums - stopGradient(sums)) * 0
            return .mean(of: (logits.softmax(axis: -1) * tanh(logits)).sum(axis: -1), over: batch.targetMask)
        }
        var norms: [Double] = []
        for loss in [local, whole] {
            let trainer = try await NativeTrainer(model: Golden.decoder("qwen3"), threads: 2)
            let result = try await trainer.forwardBackward(batch, loss: loss)
            norms += [result.loss, try await trainer.optimStep().gradientNorm]
        }
        #expect(relativeDifference([norms[0], norms[1]], [norms[2], norms[3]]) < 1e-5, "\(norms)")
    }
}
