import Swage

extension Conformance {
    /// 4. A failed call leaves the state as it was before it, also in the middle of an accumulation, and calls from
    /// several tasks are each atomic.
    func checkFailedCallsLeaveNoTrace() async throws {
        var probe = probe(4)
        let batches = try (0..<3).map { _ in try probe.batch(rows: 2, columns: 6) }
        let disturbed = try await train(try await trainer("failing"), batches) { trainer, batch in
            try await failInEveryWay(trainer, batch)
            let status = try await trainer.status()
            try expect(status.accumulatedMicrobatches == 1, "microbatches after failed calls: \(status)")
        }
        let undisturbed = try await train(try await trainer("failing-twin"), batches) { _, _ in }
        try expectSame(disturbed.norms, undisturbed.norms, "gradient norms of \(batches.count) steps after failed calls")
        try expectSame(disturbed.weights, undisturbed.weights, "weights after failed calls")
        if let makeRepeating = subject.makeRepeating {
            let repeating = noted(try await makeRepeating("\(subject.workspace)/repeating"))
            let twice = try await train(repeating, batches) { trainer, _ in
                let count = try await trainer.status().accumulatedMicrobatches
                try expect(count == 1, "a forwardBackward that was asked for twice, by the same id, counts as \(count) microbatches")
            }
            try expectSame(twice.norms, undisturbed.norms, "gradient norms where each request is made twice, by the same id")
            try expectSame(twice.weights, undisturbed.weights, "weights where each request is made twice, by the same id")
        }
        try await checkConcurrentCalls(batches[0])
        try await checkCallsUnderWay()
    }

    private func train(
        _ trainer: any Trainer, _ batches: [TextTrainBatch],
        beforeStep: (any Trainer, TextTrainBatch) async throws -> Void
    ) async throws -> (norms: [Float], weights: [Float]) {
        var norms: [Float] = []
        for batch in batches {
            _ = try await trainer.forwardBackward(batch)
            try await beforeStep(trainer, batch)
            norms.append(Float(try await trainer.optimStep().gradientNorm))
        }
        return (norms, try await fingerprint(trainer))
    }

    private func failInEveryWay(_ trainer: any Trainer, _ batch: TextTrainBatch) async throws {
        for (_, _, bad) in try badBatches() { _ = try? await trainer.forwardBackward(bad) }
        for loss in Self.badLosses { _ = try? await trainer.forwardBackward(batch, loss: loss) }
        _ = try? await trainer.load(subject.workspace + "/no-such-checkpoint")
        _ = try? await trainer.save(name: "../outside", path: nil, weightsOnly: false)
        let early = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try await trainer.forwardBackward(batch)
        }
        try expect((try? await early.value) == nil, "a cancelled task's forwardBackward did not throw")
    }

    /// Calls from several tasks at once are executed one after another.
    private func checkConcurrentCalls(_ batch: TextTrainBatch) async throws {
        let trainer = try await trainer("concurrent")
        let taken = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    do {
                        _ = try await trainer.forwardBackward(batch)
                        return 1
                    } catch let error as TrainerError where error.code == .busy {
                        return 0
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        let step = try await trainer.optimStep()
        try expect(step.accumulatedMicrobatches == taken, "of \(taken) concurrent microbatches \(step.accumulatedMicrobatches) count")
        let alone = try await self.trainer("concurrent-twin")
        _ = try await alone.forwardBackward(batch)
        try expectClose(
            [Float(step.gradientNorm)], [Float(try await alone.optimStep().gradientNorm)], "gradient norm of 8 equal microbatches at once, beside one")
    }

    /// 8. Bad input is an error that says what is wrong.
    func checkBadInputIsAnError() async throws {
        var probe = probe(8)
        let good = try probe.batch(rows: 2, columns: 5)
        let plain = try await subject.makeTrainer("\(subject.workspace)/bad-input")
        let trainer = noted(plain)
        var hints: [String] = []
        for (name, code, bad) in try badBatches() {
            let error = try await expectError([code], name) {
                _ = try await trainer.forwardBackward(bad)
            }
            if let hint = error.expected { hints.append(hint) }
        }
        try expect(
            hints.count < 8 || Set(hints).count > 1, "what was expected is \"\(hints.first ?? "")\" of \(hints.count) errors, whatever was wrong")
        var narrow = good
        narrow.lossInputs["narrow"] = Tensor(repeating: 0, shape: [2, 4])
        for loss in Self.badLosses {
            try await expectError([.invalidLoss, .nonFinite], "the loss \"\(loss.name)\"") { [narrow] in
                _ = try await trainer.forwardBackward(narrow, loss: loss)
            }
        }
        let odd = try probe.batch(rows: 3, columns: 4)
        try await expectError([.invalidLoss], "a loss of pairs of rows, of which there are 3") {
            _ = try await trainer.forwardBackward(odd, loss: Self.lossOfPairs)
        }
        try await expectError([.nothingAccumulated], "optimStep without gradients") {
            _ = try await trainer.optimStep()
        }
        try await expectError([.checkpointNotFound], "load of an unknown checkpoint") {
            _ = try await trainer.load(subject.workspace + "/no-such-checkpoint")
        }
        for name in ["../outside", "a/b", ".hidden"] {
            try await expectError([.invalidOption], "save under the name \(name)") {
                _ = try await trainer.save(name: name, path: nil, weightsOnly: false)
            }
        }
        if let foreign = subject.foreignCheckpoint {
            try await expectError([.checkpointMismatch], "load of another model's checkpoint") {
                _ = try await trainer.load(foreign)
            }
        }
        try await checkBadForward(trainer, good)
        try await checkBadWriting(plain)
        try await expectStatus(trainer, TrainerStatus(step: 0, accumulatedMicrobatches: 0), "after bad input")
        try await subject.checkService?(good)
        try await checkPoisonedSteps(trainer, good)
    }

    private func checkBadForward(_ trainer: any Trainer, _ good: TextTrainBatch) async throws {
        let asked = ForwardInputs(logProbsOf: good)
        var unasked = asked
        unasked.targetIDs = nil
        try await expectError([.invalidBatch], "log-probabilities without targets") { [unasked] in
            _ = try await trainer.forward(unasked)
        }
        var outside = asked
        outside.inputIDs = Tensor(repeating: Int32(subject.vocabularySize), shape: good.inputIDs.shape)
        try await expectError([.tokenOutOfRange], "forward of an id past the vocabulary") { [outside] in
            _ = try await trainer.forward(outside)
        }
        var nothing = asked
        nothing.outputs = []
        try await expectError([.invalidBatch], "forward for no output") { [nothing] in _ = try await trainer.forward(nothing) }
    }

    private static let lossOfPairs = LossFunction("pairs") { outputs, batch in
        let (first, second) = outputs.logProbs.pairs
        return LossValue(sum: (second - first).sum(), denominator: batch.targetMask.sum())
    }

    /// Losses that read what is not there, or are not finite.
    private static let badLosses = [
        LossFunction("reads-what-is-missing") { outputs, batch in
            .mean(of: -outputs.logProbs * batch["no such tensor"], over: batch.targetMask)
        },
        LossFunction("reads-another-shape") { outputs, batch in
            .mean(of: -outputs.logProbs * batch["narrow"], over: batch.targetMask)
        },
        LossFunction("does-not-fit") { outputs, batch in
            .mean(of: outputs.logProbs + outputs.logits, over: batch.targetMask)
        },
        LossFunction("is-not-finite") { outputs, batch in
            .mean(of: log(outputs.logProbs), over: batch.targetMask)
        },
        LossFunction("divides-by-zero") { outputs, batch in
            LossValue(
                sum: (-outputs.logProbs * batch.targetMask).sum(),
                denominator: (batch.targetMask - batch.targetMask).sum())
        },
    ]

    private func badBatches() throws -> [(String, TrainerError.Code, TextTrainBatch)] {
        var probe = probe(88)
        let good = try probe.batch(rows: 2, columns: 5)
        func changed(_ change: (inout TextTrainBatch) throws -> Void) rethrows -> TextTrainBatch {
            var copy = good
            try change(&copy)
            return copy
        }
        func tokens(first id: Int) throws -> Tensor<Int32> {
            try Tensor([Int32(id)] + good.inputIDs.scalars.dropFirst(), shape: [2, 5])
        }
        let ones = Tensor<Float>(repeating: 1, shape: [2, 5])
        return [
            ("an input id past the vocabulary", .tokenOutOfRange, try changed { $0.inputIDs = try tokens(first: subject.vocabularySize) }),
            ("a negative input id", .tokenOutOfRange, try changed { $0.inputIDs = try tokens(first: -1) }),
            (
                "a target id past the vocabulary", .tokenOutOfRange,
                try changed {
                    $0.targetIDs = try tokens(first: subject.vocabularySize)
                    $0.targetMask = ones
                }
            ),
            ("targets of another shape", .invalidShape, changed { $0.targetIDs = Tensor(repeating: 0, shape: [2, 4]) }),
            ("a mask of another shape", .invalidShape, changed { $0.targetMask = Tensor(repeating: 1, shape: [5, 2]) }),
            ("a mask of zeros", .invalidBatch, changed { $0.targetMask = Tensor(repeating: 0, shape: [2, 5]) }),
            ("a mask of halves", .invalidBatch, changed { $0.targetMask = Tensor(repeating: 0.5, shape: [2, 5]) }),
            ("weights that are NaN", .invalidBatch, changed { $0.targetWeights = Tensor(repeating: .nan, shape: [2, 5]) }),
            ("an empty batch", .invalidShape, changed { $0.inputIDs = Tensor(repeating: 0, shape: [0, 5]) }),
            ("inputs of one axis", .invalidShape, changed { $0.inputIDs = Tensor(repeating: 0, shape: [10]) }),
            (
                "a batch of three axes", .invalidShape,
                TextTrainBatch(inputIDs: Tensor(repeating: 0, shape: [1, 2, 5]), targetIDs: Tensor(repeating: 0, shape: [1, 2, 5]))
            ),
            (
                "a segment that comes again", .invalidBatch,
                try changed { $0.segmentIDs = try Tensor(rows: [[0, 0, 1, 1, 0], [0, 0, 0, 0, 0]]) }
            ),
            ("a loss input that is NaN", .invalidBatch, changed { $0.lossInputs["extra"] = Tensor(repeating: .nan, shape: [2, 5]) }),
        ]
    }
}
