import Foundation
import Swage
import SwageNative
import TestEngines
import Testing
import TestSupport

/// What a loss, a batch or a request may ask of the native engine, and what comes of more.
@Suite struct LossLimitTests {
    private static func loss(_ nodes: String, sum: Int) throws -> LossFunction {
        let serial = """
            {"format": "swage.loss", "version": 1, "name": "x", "metrics": [], "sum": \(sum), "denominator": \(sum + 1),
            "nodes": [\(nodes), {"op": "constant", "value": 1}]}
            """
        return try JSONDecoder().decode(LossFunction.self, from: Data(serial.utf8))
    }

    /// Sums over all axes but the vocabulary, which the inner part takes away.
    private static func summed(_ expression: LossExpression, _ batch: LossBatch) -> LossValue {
        LossValue(sum: expression.sum(), denominator: batch.targetMask.sum())
    }

    /// Losses that read logits and have a batch, a sequence or pairs at other places than the first two.
    private static let odd: [LossFunction] = [
        LossFunction("rows behind positions") { outputs, batch in
            summed(outputs.logits.max(axis: 2, keepingAxis: true) * batch["w", [.batch]], batch)
        },
        LossFunction("positions behind positions") { outputs, batch in
            summed(outputs.logits.sum(axis: 2, keepingAxis: true) * batch["w", [.batch, .sequence, .sequence]], batch)
        },
        LossFunction("pairs behind positions") { outputs, batch in
            summed(outputs.logits.sum(axis: 2, keepingAxis: true) * batch["w", [.pairs]], batch)
        },
        LossFunction("repeated to rows") { outputs, batch in
            summed(outputs.logits.sum(axis: 2, keepingAxis: true).broadcast(to: [.batch, .sequence, .batch]), batch)
        },
        LossFunction("picked among positions") { outputs, batch in
            summed(outputs.logits.logSumExp(axis: 2).gather(batch["w"]) * batch.targetWeights, batch)
        },
        LossFunction("a matrix as large as the batch") { outputs, batch in
            summed(outputs.logits.sum(axis: 2, keepingAxis: true).matmul(batch["w", [.fixed(1), .fixed(3)]]), batch)
        },
        LossFunction("a square as large as the batch") { outputs, batch in
            let wide = outputs.logits.sum(axis: 2, keepingAxis: true).broadcast(to: [.batch, .sequence, .fixed(4)])
            return summed(wide.matmul(batch["w", [.fixed(4), .fixed(3)]]), batch)
        },
        LossFunction("not masked") { outputs, batch in summed(outputs.logits.logSumExp(axis: 2), batch) },
    ]

    @Test(arguments: odd.indices)
    func axesBehindLogitsGiveTheRightValue(_ index: Int) async throws {
        let loss = Self.odd[index]
        try #require(loss.failure == nil)
        let trainer = try await TinyModel.trainer()
        let (rows, columns) = (4, 3)
        let ids = Tensor(unchecked: (0..<Int32(rows * columns)).map { $0 * 7 + 1 }, shape: [rows, columns])
        let mask = Tensor<Float>(unchecked: (0..<rows * columns).map { $0 % 3 == 2 ? 0 : 1 }, shape: [rows, columns])
        var batch = TextTrainBatch(inputIDs: ids, targetIDs: ids, targetMask: mask)
        let extents = LossExtents(batch: rows, sequence: columns, vocabulary: TinyModel.vocabularySize, hidden: 1)
        let shape = loss.program.fieldsRead["w"].map(extents.resolve) ?? []
        batch.lossInputs["w"] = Tensor(unchecked: (0..<shape.reduce(1, *)).map { Float($0 % 3) }, shape: shape)

        let logits = try await trainer.forward(ForwardInputs(inputIDs: ids, outputs: [.logits])).logits!
        var environment = LossProgram.Environment(
            loss.program, batch: batch, vocabulary: TinyModel.vocabularySize, hidden: 1)
        environment.outputs[.logits] = Tensor(
            unchecked: logits.scalars.indices.map {
                mask.scalars[$0 / TinyModel.vocabularySize] == 0 ? 0 : Double(logits.scalars[$0])
            }, shape: logits.shape)
        let expected = loss.program.evaluate([loss.program.sum], in: environment)[0].scalars[0]
        let found = try await trainer.forwardBackward(batch, loss: loss).loss * mask.scalars.reduce(0) { $0 + Double($1) }
        #expect(abs(found - expected) < 1e-4 * max(1, abs(expected)), "\(found), not \(expected)")
    }

    @Test(arguments: [
        #"{"op": "output", "name": "logits"}, {"op": "constant", "value": 1}, {"op": "broadcastTo", "of": [1], "shape": [1048576, "batch", "sequence", "vocabulary"]}"#,
        #"{"op": "output", "name": "logits"}, {"op": "constant", "value": 1}, {"op": "broadcastTo", "of": [1], "shape": ["vocabulary", "vocabulary", "vocabulary", "vocabulary"]}"#,
        #"{"op": "output", "name": "logits"}, {"op": "constant", "value": 1}, {"op": "broadcastTo", "of": [1], "shape": ["vocabulary", "vocabulary", "vocabulary", "vocabulary", "vocabulary", "vocabulary", "vocabulary", "vocabulary"]}"#,
    ])
    func aLossThatAsksForMoreThanThereIsIsRefused(_ nodes: String) async throws {
        let rank = nodes.components(separatedBy: "shape").last!.filter { $0 == "," }.count + 1
        var all = nodes
        for axis in (0..<rank).reversed() {
            let last = all.components(separatedBy: "\"op\"").count - 2
            all += ", {\"op\": \"sum\", \"of\": [\(last)], \"axis\": \(axis)}, {\"op\": \"removeAxis\", \"of\": [\(last + 1)], \"axis\": \(axis)}"
        }
        let loss = try Self.loss(all, sum: all.components(separatedBy: "\"op\"").count - 2)
        let trainer = try await TinyModel.trainer()
        let error = await #expect(throws: TrainerError.self) { try await trainer.forwardBackward(TinyModel.batch, loss: loss) }
        #expect([.tooLarge, .invalidLoss].contains(error?.code), "\(String(describing: error))")
    }

    @Test func manySmallValuesThatTogetherAreTooManyAreRefused() async throws {
        // Each takes 2 GB, and all are needed at the end.
        let loss = LossFunction("many") { outputs, batch in
            let first = batch["w", [.fixed(1 << 20)]].insertingAxis(0).broadcast(to: [.vocabulary, .fixed(1 << 20)])
            let parts = (1...400).map { exp(first * Double($0)) }
            return LossValue(
                sum: parts.map { $0 * $0 }.reversed().reduce(parts[0], +).sum() + outputs.logProbs.sum(),
                denominator: batch.targetMask.sum())
        }
        try #require(loss.failure == nil)
        var batch = TinyModel.batch
        batch.lossInputs["w"] = Tensor(repeating: 0, shape: [1 << 20])
        let trainer = try await TinyModel.trainer()
        let wide = batch
        let error = await #expect(throws: TrainerError.self) { try await trainer.forwardBackward(wide, loss: loss) }
        #expect(error?.code == .tooLarge, "\(String(describing: error))")
    }

    @Test(.timeLimit(.minutes(30)))
    func aLongLossEndsWhenItsTaskIsCancelledAndStatusAnswersMeanwhile() async throws {
        let (batch, loss) = TinyModel.longCall
        let trainer = try await TinyModel.trainer()
        let call = Task { try await trainer.forwardBackward(batch, loss: loss) }
        try await Task.sleep(for: .milliseconds(500))
        let asked = ContinuousClock.now
        let status = try await trainer.status()
        _ = try await trainer.config()
        #expect(ContinuousClock.now - asked < .seconds(1))
        #expect(status.accumulatedMicrobatches == 0)
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        // All of it would take minutes.
        #expect(ContinuousClock.now - asked < .seconds(30))
        _ = try await trainer.forwardBackward(TinyModel.batch)
        #expect(try await trainer.status().accumulatedMicrobatches == 1)
    }

    /// A loss may read an output for a metric alone.
    @Test func aLossWhoseSumReadsNoOutputHasAValue() async throws {
        let loss = LossFunction("constant") { outputs, batch in
            LossValue(sum: batch.targetWeights.sum(), denominator: batch.targetMask.sum())
                .reporting("mean", .mean(of: outputs.logProbs, over: batch.targetMask))
        }
        let result = try await TinyModel.trainer().forwardBackward(TinyModel.batch, loss: loss)
        #expect(result.loss == 1)
        #expect(result.metrics["mean"]!.value < 0, "\(result)")
    }

    @Test func requestsForMoreThanThereIsAreRefused() async throws {
        let trainer = try await TinyModel.trainer()
        for tokens in [Int.max, 1 << 40] {
            let error = await #expect(throws: TrainerError.self) {
                try await trainer.sampler.generate([[1, 2]], options: .greedy(maxTokens: tokens))
            }
            #expect(error?.code == .tooLarge, "\(String(describing: error))")
        }
        let wide = Tensor<Int32>(repeating: 1, shape: [1 << 25, 2])
        let error = await #expect(throws: TrainerError.self) {
            try await trainer.forward(ForwardInputs(inputIDs: wide, outputs: [.logits]))
        }
        #expect(error?.code == .tooLarge, "\(String(describing: error))")
    }
}
