public import Swage

/// The sequence of training examples, endless by default, that a data set and a seed define: shuffled anew every epoch, tokenized,
/// and packed into batches.
///
/// The stream can be left at any batch and taken up again from its ``position``.
public struct ExampleStream: Sendable {
    /// How examples become batches.
    public struct Options: Sendable, Equatable {
        /// The number of rows in a batch.
        public var rows: Int
        /// The number of positions in a row. Longer examples are cut.
        public var sequenceLength: Int
        /// Whether several examples share a row. Otherwise each has its own.
        public var packing: Bool
        /// Which tokens of an example are targets. All others are read and masked.
        public var learnedTokens: LearnedTokens
        /// Nil keeps the order of the file.
        public var shuffleSeed: UInt64?
        /// After how many passes over the data there are no more batches; nil for none of them.
        public var passes: Int?

        /// By default examples share rows, the assistant's tokens are learned, the order is drawn by the seed 0, and there is no end.
        public init(
            rows: Int, sequenceLength: Int, packing: Bool = true, learnedTokens: LearnedTokens = .assistant,
            shuffleSeed: UInt64? = 0, passes: Int? = nil
        ) {
            self.passes = passes
            self.rows = rows
            self.sequenceLength = sequenceLength
            self.packing = packing
            self.learnedTokens = learnedTokens
            self.shuffleSeed = shuffleSeed
        }
    }

    /// Where in the stream the next batch begins.
    public struct Position: Sendable, Equatable, Codable {
        /// How many times the data has been gone through.
        public var epoch = 0
        /// How many examples of the epoch have been drawn.
        public var drawn = 0
        /// Examples that have been drawn and wait for a row they fit in, as indices into the data.
        public var waiting: [Int] = []

        /// The beginning of the first pass over the data.
        public init() {}
    }

    /// A batch, and how much of it is text.
    public struct Batch: Sendable, Equatable {
        /// The rows, `[rows, positions]`: at most as many of both as asked for. Padding is masked, and a segment of its own.
        public var batch: TextTrainBatch
        /// The number of positions that are not padding.
        public var positionCount: Int
    }

    /// Where the next batch begins. A stream of the same data, tokenizer and options can be taken up from there.
    public var position: Position { schedule.position }
    /// How examples become batches, as it was made with.
    public let options: Options
    /// What became of the rows that were drawn in the first pass over the data.
    package private(set) var report: DataReport

    private let data: Examples<TrainingExample>
    private let tokenizer: any Tokenizer
    private var schedule: PackingSchedule
    /// The tokens of those that wait.
    private var tokenized: [Int: TargetedTokens] = [:]

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for sizes that make no batch.
    public init(
        _ data: Examples<TrainingExample>, tokenizer: any Tokenizer, options: Options, from position: Position = .init()
    ) throws {
        try PackedRow.check(rows: options.rows, of: options.sequenceLength)
        self.data = data
        self.tokenizer = tokenizer
        self.options = options
        schedule = PackingSchedule(count: data.count, options: options, from: position)
        report = data.report
        try checkPosition()
    }

    /// Goes on from another place.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if the data has no such place.
    public mutating func move(to position: Position) throws {
        self = try ExampleStream(data, tokenizer: tokenizer, options: options, from: position)
    }

    private func checkPosition() throws {
        let indices = position.waiting + [position.drawn]
        guard position.epoch >= 0, indices.allSatisfy({ 0...data.count ~= $0 }), !position.waiting.contains(data.count)
        else {
            throw TrainerError(
                .invalidData, "the saved data position does not fit \(data.name), which has \(data.count) examples",
                expected: "the data that the run began with")
        }
    }

    /// The next batch. Examples without a target are passed over, and so are those that cannot be tokenized where bad
    /// lines are skipped.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if the whole data set has no target within the sequence
    ///   length, or an example cannot be tokenized.
    public mutating func next() throws -> Batch {
        guard let batch = try nextIfAny() else { throw nothingToLearn }
        return batch
    }

    /// The next batch; nil behind the last one.
    /// - Throws: as ``next()``.
    package mutating func nextIfAny() throws -> Batch? {
        var schedule = schedule
        let indices = try schedule.next { index, epoch in
            try Task.checkCancellation()
            guard let tokens = try usableTokens(index, epoch) else { return nil }
            tokenized[index] = tokens
            return tokens.ids.count - 1
        }
        self.schedule = schedule
        guard !indices.isEmpty else { return nil }
        // A small data set comes round again within a batch.
        let rows = indices.map { indices in
            var row = PackedRow(capacity: options.sequenceLength)
            for tokens in indices.compactMap({ tokenized[$0] }) { row.append(tokens) }
            return row
        }
        let waiting = Set(schedule.position.waiting)
        tokenized = tokenized.filter { waiting.contains($0.key) }
        return Batch(batch: PackedRow.batch(rows), positionCount: rows.reduce(0) { $0 + $1.count })
    }

    private var nothingToLearn: TrainerError {
        TrainerError(
            .invalidData, "no example of \(data.name) has a target within \(options.sequenceLength) positions",
            expected: "assistant turns or completions near the beginning of the examples")
    }

    /// An example as far as it fits into a row; nil for one that has no target there, or is to be skipped.
    private mutating func usableTokens(_ index: Int, _ epoch: Int) throws -> TargetedTokens? {
        do {
            let examination = try options.examine(data[index], with: tokenizer)
            if epoch == 0 { report.add(examination, line: data.line(index)) }
            guard case .used(let tokens, _, _, _, _) = examination else { return nil }
            return tokens
        } catch let error as TrainerError {
            if case .skip = data.badLines {
                if epoch == 0 { report.add(Examination<TargetedTokens>.leftOut("\(error)"), line: data.line(index)) }
                return nil
            }
            throw error.placed(at: data.place(index))
        }
    }
}

extension ExampleStream.Options {
    /// What an example comes to as these options read it.
    package func examine(_ example: TrainingExample, with tokenizer: any Tokenizer) throws -> Examination<TargetedTokens> {
        try example.examine(with: tokenizer, learning: learnedTokens, sequenceLength: sequenceLength)
    }
}
