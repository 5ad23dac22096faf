import Swage

extension Conformance {
    /// 1. forwardBackward changes no parameter; forward changes nothing at all.
    func checkForwardChangesNothing() async throws {
        var probe = probe(1)
        let trainer = try await trainer("forward")
        let batch = try probe.batch(rows: 2, columns: 8)
        let abilities = try await trainer.config().capabilities
        let outputs = abilities.outputs
        try expect(
            abilities.losses?.contains(LossFunction.crossEntropy.name) != false,
            "capabilities say that it learns from \(abilities.losses?.sorted() ?? []) alone, and \(LossFunction.crossEntropy.name), which it learns from, is not named"
        )
        try await expectSameConfig(trainer)
        try expect(outputs.contains(.logProbs), "config() says that it gives \(outputs.map(\.rawValue).sorted()), and logProbs is what all give")
        let before = try await fingerprint(trainer)
        _ = try await trainer.forwardBackward(batch)
        try expectSame(try await fingerprint(trainer), before, "weights after forwardBackward")
        try await expectStatus(trainer, TrainerStatus(step: 0, accumulatedMicrobatches: 1), "after one microbatch")
        let step = try await trainer.optimStep()
        try expect(step.step == 1, "step after the first optimStep: \(step.step)")
        let after = try await fingerprint(trainer)
        // The twin never runs forward between; its step must come out the same.
        let twin = try await self.trainer("forward-twin")
        _ = try await twin.forwardBackward(batch)
        _ = try await twin.optimStep()
        try expectSame(after, try await fingerprint(twin), "weights after a step")
        try await checkWriting()
    }

    /// What does not change while a trainer lives.
    private func expectSameConfig(_ trainer: any Trainer) async throws {
        let answers = [try await trainer.config(), try await trainer.config()]
        try expect(answers[0] == answers[1], "config() says \(answers[0]), and asked again \(answers[1])")
    }

    /// 2. k microbatches then a step = one batch then a step, for every way of splitting the rows.
    func checkMicrobatchesEqualOneBatch() async throws {
        var probe = probe(2)
        let whole = try probe.batch(rows: 6, columns: 7)
        let reference = try await trainer("whole")
        let result = try await reference.forwardBackward(whole)
        try expectClose([Float(result.denominator)], [Float(whole.targetCount)], "denominator of cross entropy, which is the number of targets")
        let step = try await reference.optimStep()
        let expected = try await fingerprint(reference)
        for attempt in [0, 2] {
            let trainer = try await self.trainer("split-\(attempt)")
            var cuts = Set((0..<attempt + 1).map { _ in 1 + probe.number(below: 5) })
            cuts.insert(6)
            var begin = 0
            var results: [ForwardBackwardResult] = []
            for end in cuts.sorted() {
                results.append(try await trainer.forwardBackward(try whole.rows(begin..<end)))
                begin = end
            }
            let name = "microbatches ending at rows \(cuts.sorted())"
            let together = ForwardBackwardResult.combined(results)!
            try expectClose([Float(together.loss)], [Float(result.loss)], "\(name): sum of sums over sum of denominators")
            for (metric, value) in result.metrics where value != .single(value.value) {
                try expectClose([Float(together.metrics[metric]?.value ?? .nan)], [Float(value.value)], "\(name): metric \"\(metric)\"")
            }
            let split = try await trainer.optimStep()
            try expect(
                split.accumulatedMicrobatches == cuts.count,
                "\(name): accumulatedMicrobatches is \(split.accumulatedMicrobatches)")
            try expectClose([Float(split.gradientNorm)], [Float(step.gradientNorm)], "\(name): gradient norm")
            try expectClose(try await fingerprint(trainer), expected, "\(name): weights after the step")
        }
    }

    /// 3. clearGradients then anything = as if those microbatches had never been.
    func checkClearedGradientsNeverWere() async throws {
        var probe = probe(3)
        let (dropped, kept) = (try probe.batch(rows: 3, columns: 5), try probe.batch(rows: 2, columns: 6))
        func learn(_ trainer: any Trainer) async throws -> [Float] {
            _ = try await trainer.forwardBackward(kept)
            let step = try await trainer.optimStep()
            try expect(
                step.step == 1 && step.accumulatedMicrobatches == 1,
                "the first step that was taken says step \(step.step), of \(step.accumulatedMicrobatches) microbatches")
            return try await fingerprint(trainer)
        }
        let trainer = try await trainer("cleared")
        _ = try await trainer.forwardBackward(dropped)
        _ = try await trainer.forwardBackward(dropped)
        try await trainer.clearGradients()
        let nothing = TrainerStatus(step: 0, accumulatedMicrobatches: 0)
        try await expectStatus(trainer, nothing, "after clearGradients")
        try await expectError([.nothingAccumulated], "optimStep after clearGradients") {
            _ = try await trainer.optimStep()
        }
        try await expectStatus(trainer, nothing, "after an optimStep that was refused")
        let weights = try await learn(trainer)
        try expectSame(weights, try await learn(try await self.trainer("cleared-twin")), "weights after the next step")
    }

    /// 7. Masked targets, padding, and the content of a packed neighbor change nothing.
    func checkMaskedContentChangesNothing() async throws {
        var probe = probe(7)
        let plain = try probe.batch(rows: 2, columns: 6)
        let reference = try await trainer("plain")
        let expected = try await reference.forwardBackward(plain)
        let norm = try await reference.optimStep().gradientNorm
        let variants: [(String, TextTrainBatch)] = [
            (
                "other targets where the mask is 0, and padding at the end of rows",
                try plain.replacingMaskedTargets(with: -100).padded(with: try probe.tokens([2, 5]))
            ),
            ("another sequence behind in the row", try plain.followedByUnlearned(try probe.tokens([2, 4]))),
            ("another sequence before in the row", try plain.precededByUnlearned(try probe.tokens([2, 4]))),
            ("both rows packed into one", try plain.packedIntoOneRow()),
        ]
        for (name, variant) in variants {
            let trainer = try await self.trainer("variant")
            guard let result = try await unlessNotPacking(variant, { try await trainer.forwardBackward(variant) }) else { continue }
            try expectClose([Float(result.loss)], [Float(expected.loss)], "\(name): loss", tolerance: 1e-5)
            let step = try await trainer.optimStep()
            try expectClose([Float(step.gradientNorm)], [Float(norm)], "\(name): gradient norm")
        }
        try await checkAbsentIsOne(plain)
        try await checkMaskedForward(plain)
    }

    /// nil where a trainer refuses a row of several sequences, as one may whose model cannot keep them apart: that changes nothing.
    private func unlessNotPacking<Answer>(_ batch: TextTrainBatch, _ call: () async throws -> Answer) async throws -> Answer? {
        do {
            return try await call()
        } catch let error as TrainerError where error.code == .unsupported && batch.segmentIDs != nil {
            return nil
        }
    }

    /// A mask and weights that are not there are 1 everywhere, and one of them does not take the other with it.
    private func checkAbsentIsOne(_ batch: TextTrainBatch) async throws {
        func learn(_ mask: Tensor<Float>?, _ weights: Tensor<Float>?) async throws -> [Float] {
            var batch = batch
            (batch.targetMask, batch.targetWeights) = (mask, weights)
            let trainer = try await trainer("absent")
            let loss = try await trainer.forwardBackward(batch).loss
            return [Float(loss), Float(try await trainer.optimStep().gradientNorm)]
        }
        let (ones, mask, weights) = (Tensor<Float>(repeating: 1, shape: batch.inputIDs.shape), batch.targetMask, batch.targetWeights)
        for (what, found, expected) in [
            ("mask and weights", (nil, nil), (ones, ones)), ("a mask", (nil, weights), (ones, weights)), ("weights", (mask, nil), (mask, ones)),
        ] as [(String, (Tensor<Float>?, Tensor<Float>?), (Tensor<Float>?, Tensor<Float>?))] {
            try expectClose(
                try await learn(found.0, found.1), try await learn(expected.0, expected.1),
                "loss and gradient norm without \(what), beside those of ones")
        }
    }

    /// The same of `forward`: 0 where the mask is, and no packed neighbor is seen.
    private func checkMaskedForward(_ batch: TextTrainBatch) async throws {
        let trainer = try await trainer("masked-forward")
        let logProbs = try await trainer.forward(ForwardInputs(logProbsOf: batch)).logProbs?.scalars ?? []
        let packed = try batch.packedIntoOneRow()
        if let found = try await unlessNotPacking(packed, { try await trainer.forward(ForwardInputs(logProbsOf: packed)) }) {
            try expectClose(found.logProbs?.scalars ?? [], logProbs, "log-probabilities of both rows packed into one")
        }
        for (logProb, mask) in zip(logProbs, batch.targetMask?.scalars ?? []) where mask == 0 {
            try expect(logProb == 0, "forward gives \(logProb) where the mask is 0")
        }
        var nothing = ForwardInputs(logProbsOf: batch)
        nothing.targetMask = Tensor(repeating: 0, shape: batch.inputIDs.shape)
        let none = try await trainer.forward(nothing).logProbs?.scalars ?? []
        try expect(none.count == logProbs.count && none.allSatisfy { $0 == 0 }, "forward under a mask of zeros gives \(none)")
        try await checkMaskedOutputs(trainer, batch)
    }

    /// Entropies are 0 where the mask is, and logits and hidden states are what they are.
    private func checkMaskedOutputs(_ trainer: any Trainer, _ batch: TextTrainBatch) async throws {
        let outputs = try await trainer.config().capabilities.outputs.intersection([.entropy, .logits, .hiddenStates])
        guard !outputs.isEmpty else { return }
        var inputs = ForwardInputs(inputIDs: batch.inputIDs, outputs: outputs)
        let plain = try await trainer.forward(inputs)
        inputs.targetMask = batch.targetMask
        let masked = try await trainer.forward(inputs)
        let packed = try batch.packedIntoOneRow()
        var together = ForwardInputs(inputIDs: packed.inputIDs, outputs: outputs)
        together.segmentIDs = packed.segmentIDs
        if let inOneRow = try await unlessNotPacking(packed, { [together] in try await trainer.forward(together) }) {
            for (what, found, expected) in [
                ("logits", inOneRow.logits, plain.logits), ("hidden states", inOneRow.hiddenStates, plain.hiddenStates),
                ("entropies", inOneRow.entropy, plain.entropy),
            ] {
                try expectClose(found?.scalars ?? [], expected?.scalars ?? [], "\(what) of both rows packed into one")
            }
        }
        try expectClose(masked.logits?.scalars ?? [], plain.logits?.scalars ?? [], "logits with a mask, beside those without")
        try expectClose(masked.hiddenStates?.scalars ?? [], plain.hiddenStates?.scalars ?? [], "hidden states with a mask, beside those without")
        let mask = batch.targetMask?.scalars ?? []
        try expectClose(
            masked.entropy?.scalars ?? [], zip(plain.entropy?.scalars ?? [], mask).map { $1 == 0 ? 0 : $0 }, "entropy, which is 0 where the mask is")
    }
}
