import Swage

/// Random batches, and what a trainer's state looks like from outside.
struct Probe {
    private var generator: SeededGenerator
    private let vocabularySize: Int

    init(seed: UInt64, vocabularySize: Int) {
        generator = SeededGenerator(seed: seed)
        self.vocabularySize = vocabularySize
    }

    /// A batch of random tokens with a random mask, at least one target in each row, and weights, few of them below 0.
    mutating func batch(rows: Int, columns: Int) throws -> TextTrainBatch {
        let shape = [rows, columns]
        var mask = (0..<rows * columns).map { _ in generator.next() % 3 == 0 ? Float(0) : 1 }
        for row in 0..<rows { mask[row * columns + Int(generator.next() % UInt64(columns))] = 1 }
        return TextTrainBatch(
            inputIDs: try tokens(shape), targetIDs: try tokens(shape), targetMask: try Tensor(mask, shape: shape),
            targetWeights: try Tensor(
                (0..<rows * columns).map { _ in Float(generator.next() % 1000) / 500 - 0.25 }, shape: shape))
    }

    mutating func tokens(_ shape: [Int]) throws -> Tensor<Int32> {
        let count = shape.reduce(1, *)
        return try Tensor((0..<count).map { _ in Int32(generator.next() % UInt64(vocabularySize)) }, shape: shape)
    }

    mutating func number(below limit: Int) -> Int { Int(generator.next() % UInt64(limit)) }
}

extension Conformance {
    func probe(_ seed: UInt64) -> Probe { Probe(seed: seed, vocabularySize: subject.vocabularySize) }

    /// At most as many as the model knows positions.
    func columns(_ wanted: Int, _ trainer: any Trainer) async throws -> Int {
        guard case .integer(let most)? = try await trainer.config().modelConfiguration["max_position_embeddings"] else { return wanted }
        return max(1, min(wanted, most))
    }

    /// The log-probabilities that the trainer's weights give a fixed batch: equal for equal weights.
    func fingerprint(_ trainer: any Trainer) async throws -> [Float] {
        var probe = probe(99)
        var inputs = ForwardInputs(logProbsOf: try probe.batch(rows: 2, columns: 9))
        inputs.targetMask = nil
        return try await trainer.forward(inputs).logProbs?.scalars ?? []
    }

    /// Checks that numbers are the same: to the bit where the subject promises it, else to 1e-4.
    func expectSame(_ found: [Float], _ expected: [Float], _ what: String) throws {
        try expect(!expected.isEmpty, "\(what): nothing came back")
        if subject.isBitExact {
            try expect(found == expected, "\(what): not the same bits: \(Difference(found, expected))")
        } else {
            try expectClose(found, expected, what)
        }
    }

    /// Checks that numbers are the same up to rounding: `tolerance` is that of float32.
    func expectClose(_ found: [Float], _ expected: [Float], _ what: String, tolerance: Double = 1e-4) throws {
        let (difference, bound) = (Difference(found, expected), tolerance * Self.slack(of: subject.dtype))
        try expect(difference.size <= bound, "\(what): \(difference), and \(bound) at most would do")
    }

    func expectStatus(_ trainer: any Trainer, _ expected: TrainerStatus, _ when: String) async throws {
        let status = try await trainer.status()
        try expect(
            status == expected,
            "\(when) the status is step \(status.step), \(status.accumulatedMicrobatches) microbatches, and step \(expected.step), "
                + "\(expected.accumulatedMicrobatches) microbatches were expected")
    }

    /// Checks that a call throws a ``TrainerError`` with one of `codes`.
    @discardableResult
    func expectError(
        _ codes: Set<TrainerError.Code>, _ what: String, _ call: () async throws -> Void
    ) async throws -> TrainerError {
        do {
            try await call()
        } catch let error as TrainerError {
            try expect(
                codes.contains(error.code),
                "\(what): threw \(error.code.rawValue) (\(error)), expected \(codes.map(\.rawValue).sorted())")
            // Two words are a kind of error, and no sentence about this one.
            let words = error.message.split { !$0.isLetter && !$0.isNumber }
            try expect(words.count > 2, "\(what): threw \(error.code.rawValue), and \"\(error.message)\" does not say what is wrong")
            return error
        }
        throw ConformanceFailure(description: "\(what): threw nothing, expected \(codes.map(\.rawValue).sorted())")
    }
}
