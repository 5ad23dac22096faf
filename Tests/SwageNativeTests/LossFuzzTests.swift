import Foundation
import Swage
import SwageNative
import TestEngines
import Testing
import TestSupport

/// Random losses on the native engine: right or refused, and never the end of the process. `make fuzz-losses` compares as
/// many as one likes with torch.
@Suite struct LossFuzzTests {
    private static let seconds = 7.0

    @Test(.timeLimit(.minutes(30)))
    func lossesInAnInnerAndAnOuterPartEqualTheWhole() throws {
        let team = try ThreadTeam(count: 1)
        let clock = ContinuousClock.now
        var (number, split) = (0, 0)
        while ContinuousClock.now - clock < .seconds(Self.seconds) {
            number += 1
            var random = SeededGenerator(seed: 11, stream: UInt64(number))
            let inputs = RandomLossInputs(&random)
            let loss = RandomLoss.make(&random, inputs)
            try #require(loss.failure == nil, "program \(number): \(loss.failure ?? "")")
            let value = loss.program.evaluate([loss.program.sum], in: inputs.environment)[0].scalars[0]
            guard value.isFinite else { continue }
            let gradients = loss.program.outputGradients(in: inputs.environment)
            guard gradients.values.allSatisfy({ $0.scalars.allSatisfy { abs($0) < 1e6 } }),
                let parts = try SplitLoss(loss.program, inputs.environment, team: team)
            else { continue }
            split += 1
            let difference = try parts.difference(from: value, gradients)
            let serial = String(decoding: try JSONEncoder().encode(loss), as: UTF8.self)
            try #require(difference < 1e-4, "program \(number) differs by \(difference): \(serial)")
        }
        #expect(split > 0, "only \(split) of \(number) programs have an inner part")
    }

    /// The engine's value of a loss is that of its program on what `forward` gives.
    @Test(.timeLimit(.minutes(30)))
    func soundAndDamagedLossesAreRightOrRefused() async throws {
        let trainer = try await TinyModel.trainer()
        let hidden = try await trainer.forward(
            ForwardInputs(inputIDs: TinyModel.batch.inputIDs, outputs: [.hiddenStates])
        ).hiddenStates!.shape[2]
        let clock = ContinuousClock.now
        var (number, right, refused) = (0, 0, 0)
        while ContinuousClock.now - clock < .seconds(Self.seconds) {
            number += 1
            var random = SeededGenerator(seed: 12, stream: UInt64(number))
            let inputs = RandomLossInputs(&random)
            let serial = String(decoding: try JSONEncoder().encode(RandomLoss.make(&random, inputs)), as: UTF8.self)
            let text = number % 2 == 0 ? RandomLoss.damaged(serial, &random) : serial
            guard let loss = try? JSONDecoder().decode(LossFunction.self, from: Data(text.utf8)) else {
                refused += 1
                continue
            }
            let batch = try Self.batch(for: loss, inputs, hidden: hidden, &random)
            do {
                let found = try await trainer.forwardBackward(batch, loss: loss)
                let expected = try await Self.value(of: loss, batch, trainer)
                let difference = abs(found.loss - expected) / max(1, abs(expected))
                try #require(difference < 1e-3, "program \(number): \(found.loss), not \(expected): \(text)")
                right += 1
            } catch is TrainerError {
                refused += 1
            }
        }
        #expect(right + refused > 0, "\(right) right, \(refused) refused")
    }

    /// 0 times a slope that is not finite is no 0.
    @Test func whatOnlyAMetricReadsLeavesTheGradientAlone() async throws {
        func norm(_ loss: LossFunction) async throws -> Double {
            let trainer = try await TinyModel.trainer()
            let result = try await trainer.forwardBackward(TinyModel.batch, loss: loss)
            #expect(result.metrics.values.allSatisfy { $0.value == 0 }, "\(result)")
            return try await trainer.optimStep().gradientNorm
        }
        let plain = try await norm(LossFunction("plain") { .mean(of: -$0.logProbs, over: $1.targetMask) })
        let watched = try await norm(
            LossFunction("watched") { outputs, batch in
                let root = sqrt(outputs.logits * 0).sum(axis: -1)
                return .mean(of: -outputs.logProbs, over: batch.targetMask).reporting("root", .mean(of: root, over: batch.targetMask))
            })
        #expect(watched == plain, "\(watched) and \(plain)")
    }

    private static func batch(
        for loss: LossFunction, _ inputs: RandomLossInputs, hidden: Int, _ random: inout SeededGenerator
    ) throws -> TextTrainBatch {
        let (rows, columns) = (inputs.extents.batch, inputs.extents.sequence)
        func ids() -> Tensor<Int32> {
            Tensor(
                unchecked: (0..<rows * columns).map { _ in Int32(random.number(below: TinyModel.vocabularySize)) },
                shape: [rows, columns])
        }
        var mask = (0..<rows * columns).map { _ in random.fraction() < 0.3 ? Float(0) : 1 }
        mask[0] = 1
        var batch = TextTrainBatch(
            inputIDs: ids(), targetIDs: ids(), targetMask: Tensor(unchecked: mask, shape: [rows, columns]))
        let extents = LossExtents(batch: rows, sequence: columns, vocabulary: TinyModel.vocabularySize, hidden: hidden)
        for (name, shape) in loss.program.fieldsRead where !["targetMask", "targetWeights", "targetIDs"].contains(name) {
            let shape = extents.resolve(shape)
            guard shape.reduce(1.0, { $0 * Double($1) }) < 1e6 else { continue }
            let values = (0..<shape.reduce(1, *)).map { _ in
                name == "few" || name == "many" ? Float(random.number(below: 8)) : Float(random.fraction() * 2 - 1)
            }
            batch.lossInputs[name] = Tensor(unchecked: values, shape: shape)
        }
        return batch
    }

    private static func value(of loss: LossFunction, _ batch: TextTrainBatch, _ trainer: NativeTrainer) async throws -> Double {
        let outputs = try await trainer.forward(
            ForwardInputs(
                inputIDs: batch.inputIDs, targetIDs: batch.targetIDs, targetMask: batch.targetMask,
                outputs: Set(ModelOutput.allCases)))
        let hidden = outputs.hiddenStates!.shape[2]
        var environment = LossProgram.Environment(
            loss.program, batch: batch, vocabulary: TinyModel.vocabularySize, hidden: hidden)
        for (output, tensor) in [
            (ModelOutput.logProbs, outputs.logProbs!), (.entropy, outputs.entropy!), (.logits, outputs.logits!),
            (.hiddenStates, outputs.hiddenStates!), (.outputHead, outputs.outputHead!),
        ] {
            let size = tensor.scalars.count / batch.inputIDs.scalars.count
            let isMasked = output != .outputHead
            environment.outputs[output] = Tensor(
                unchecked: tensor.scalars.indices.map { index in
                    isMasked && batch.targetMask!.scalars[index / size] == 0 ? 0 : Double(tensor.scalars[index])
                }, shape: tensor.shape)
        }
        let values = loss.program.evaluate([loss.program.sum, loss.program.denominator], in: environment)
        return values[0].scalars[0] / values[1].scalars[0]
    }
}
