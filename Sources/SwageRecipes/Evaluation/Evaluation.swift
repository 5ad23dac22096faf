import Foundation
public import Swage
public import SwageText

/// The loss of a model on data that it does not learn from.
public struct Evaluation: Sendable {
    /// What came out.
    public struct Result: Sendable, Equatable, Codable {
        /// The mean negative log-probability of the targets, in nats.
        public var loss: Double
        /// How many targets were predicted.
        public var tokens: Int
        /// How many examples they came from.
        public var examples: Int

        /// e to the loss: among how many tokens the model is as good as undecided.
        public var perplexity: Double { exp(loss) }
    }

    /// What became of the data.
    public let report: DataReport
    private let examples: [TargetedTokens]
    private let rows: Int
    private let sequenceLength: Int
    /// What the loss depends on beside the model.
    let identity: RunIdentity

    /// - Parameters:
    ///   - data: the examples, of which the first `limit` are used.
    ///   - tokenizer: that of the model whose loss is measured.
    ///   - learnedTokens: which tokens of an example are its targets, by default the assistant's.
    ///   - limit: how many examples are used; nil for all.
    ///   - rows: the number of rows in a batch, which changes the speed and not the result.
    ///   - sequenceLength: the number of positions in a row; longer examples are cut.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if there is nothing to predict.
    public init(
        _ data: Examples<TrainingExample>, tokenizer: any Tokenizer, learnedTokens: LearnedTokens = .assistant, limit: Int? = nil,
        rows: Int = 2, sequenceLength: Int = 1024
    ) throws {
        guard rows > 0, sequenceLength > 0, limit ?? 1 > 0 else {
            throw TrainerError(
                .invalidOption, "an evaluation of \(limit ?? data.count) examples in \(rows) rows of \(sequenceLength)",
                expected: "1 or more of each")
        }
        try PackedRow.check(rows: rows, of: sequenceLength)
        self.rows = rows
        self.sequenceLength = sequenceLength
        var identity = RunIdentity(
            recipe: "evaluate",
            options: [
                "learnedTokens": "\(learnedTokens)", "limit": limit.map { "\($0)" } ?? "none", "rows": "\(rows)",
                "sequenceLength": "\(sequenceLength)", "linesLeftOut": "\(data.skippedCount)",
            ], contents: ["the data": try .init(data)])
        identity.add(dayOf: tokenizer)
        self.identity = identity
        let examined = try data.examine(Array(0..<min(limit ?? .max, data.count))) { example in
            try example.examine(with: tokenizer, learning: learnedTokens, sequenceLength: sequenceLength)
        }
        (examples, report) = (examined.uses.map(\.use), examined.report)
        guard !examples.isEmpty else {
            throw TrainerError(
                .invalidData, "no example of \(data.name) has a target within \(sequenceLength) positions",
                expected: "assistant turns or completions near the beginning of the examples")
        }
    }

    /// How many examples are measured.
    public var count: Int { examples.count }

    /// Runs the trainer's model forward over all examples.
    /// - Parameters:
    ///   - trainer: has the model. It stays as it is.
    ///   - record: a file to which every batch that is measured adds a line. What stands there is not measured again.
    ///   - progress: called with how much is done, from 0 to 1.
    /// - Throws: ``Swage/TrainerError`` with code `checkpointMismatch` if the record is of other data, and
    ///   `nonFinite` for a loss that is no number.
    public func run(
        _ trainer: any Trainer, record: String? = nil, progress: (@Sendable (Double) -> Void)? = nil
    ) async throws -> Result {
        let batches = batches()
        let file = try record.map { try RecordFile<Part>($0) }
        var parts = file?.kept ?? []
        try file?.check(parts: batches.count) { number, part in
            (part.tokens, part.examples) == (batches[number].batch.targetCount, batches[number].examples)
        }
        progress?(share(of: parts))
        for (batch, examples) in batches.dropFirst(parts.count) {
            let inputs = ForwardInputs(logProbsOf: batch)
            let logProbs = try await trainer.forward(inputs).answering(inputs).logProbs!
            let cost = logProbs.scalars.reduce(0) { $0 - Double($1) }
            guard cost.isFinite else {
                throw TrainerError(
                    .nonFinite, "the loss of batch \(parts.count + 1) of \(batches.count) is \(cost)", expected: "finite weights")
            }
            let part = Part(cost: cost, tokens: batch.targetCount, examples: examples)
            try file?.append([part])
            try file?.synchronize()
            parts.append(part)
            progress?(share(of: parts))
        }
        let tokens = parts.reduce(0) { $0 + $1.tokens }
        return Result(loss: parts.reduce(0) { $0 + $1.cost } / Double(tokens), tokens: tokens, examples: examples.count)
    }

    /// What one batch has come to.
    private struct Part: Recorded {
        /// The negative log-probability of all targets, in nats.
        var cost: Double
        var tokens: Int
        var examples: Int

        var fault: String? {
            Double.fault("\"cost\"", cost) ?? Int.fault("\"tokens\"", tokens) ?? Int.fault("\"examples\"", examples)
        }
    }

    private func share(of parts: [Part]) -> Double {
        Double(parts.reduce(0) { $0 + $1.examples }) / Double(examples.count)
    }

    /// The examples in order, each with how many examples the batch holds.
    private func batches() -> [(batch: TextTrainBatch, examples: Int)] {
        var batches: [(batch: TextTrainBatch, examples: Int)] = []
        var packed = [PackedRow(capacity: sequenceLength)]
        var count = 0
        func flush() {
            batches.append((PackedRow.batch(packed), count))
            packed = [PackedRow(capacity: sequenceLength)]
            count = 0
        }
        for example in examples {
            if packed[packed.count - 1].room < example.ids.count - 1 {
                if packed.count == rows { flush() } else { packed.append(PackedRow(capacity: sequenceLength)) }
            }
            packed[packed.count - 1].append(example)
            count += 1
        }
        flush()
        return batches
    }
}

extension Evaluation.Result: Recorded {
    var fault: String? {
        Double.fault("\"loss\"", loss) ?? Int.fault("\"tokens\"", tokens) ?? Int.fault("\"examples\"", examples)
    }
}
