import Foundation
import Swage
import SwageText

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

    private let examples: [TargetedTokens]
    private let rows: Int
    private let sequenceLength: Int

    /// - Parameters:
    ///   - data: the examples, of which the first `limit` are used.
    ///   - rows: the number of rows in a batch, which changes the speed and not the result.
    ///   - sequenceLength: the number of positions in a row; longer examples are cut.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if there is nothing to predict.
    public init(
        _ data: JSONLines<TrainingExample>, tokenizer: any Tokenizer, learnedTokens: LearnedTokens = .assistant, limit: Int? = nil,
        rows: Int = 2, sequenceLength: Int = 1024
    ) throws {
        guard rows > 0, sequenceLength > 0, limit ?? 1 > 0 else {
            throw TrainerError(
                .invalidOption, "an evaluation of \(limit ?? data.count) examples in \(rows) rows of \(sequenceLength)",
                expected: "1 or more of each")
        }
        self.rows = rows
        self.sequenceLength = sequenceLength
        examples = try (0..<min(limit ?? .max, data.count)).compactMap { index in
            let tokens = try data[index].tokenize(with: tokenizer, learning: learnedTokens)
                .cut(to: sequenceLength + 1)
            return tokens.hasTarget ? tokens : nil
        }
        guard !examples.isEmpty else {
            throw TrainerError(
                .invalidData, "no example of \(data.path) has a target within \(sequenceLength) positions",
                expected: "assistant turns or completions near the beginning of the examples")
        }
    }

    /// Runs the trainer's model forward over all examples.
    /// - Parameter progress: called with how much is done, from 0 to 1.
    public func run(
        _ trainer: any Trainer, progress: (@Sendable (Double) -> Void)? = nil
    ) async throws -> Result {
        var sum = 0.0
        var tokens = 0
        var done = 0
        for (batch, count) in batches() {
            let outputs = try await trainer.forward(ForwardInputs(logProbsOf: batch))
            sum -= outputs.logProbs?.scalars.reduce(0) { $0 + Double($1) } ?? 0
            tokens += batch.targetCount
            done += count
            progress?(Double(done) / Double(examples.count))
        }
        return Result(loss: sum / Double(tokens), tokens: tokens, examples: examples.count)
    }

    /// The examples in order, each with how many examples the batch holds.
    private func batches() -> [(TextTrainBatch, Int)] {
        var batches: [(TextTrainBatch, Int)] = []
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
