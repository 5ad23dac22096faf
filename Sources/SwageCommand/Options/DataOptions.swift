public import ArgumentParser
import Swage
import SwageText

/// How examples are read, for every command that reads any.
struct DataReading: ParsableArguments {
    @Option(help: .init("Positions in a row; longer examples are cut.", valueName: "n"))
    var sequenceLength = Self.usualSequenceLength

    @Option(
        help: .init(
            "Which tokens the loss counts: those of the assistant, of its last turn, of all, or of roles as in user,assistant.", valueName: "tokens"))
    var lossOn: LearnedTokens = .assistant

    @OptionGroup var rows: RowOptions

    static let usualSequenceLength = 1024

    func open<Example>(_ texts: [String]) throws -> Examples<Example> { try rows.open(texts) }

    /// What an example comes to as these options read it.
    func examine(_ example: TrainingExample, with tokenizer: any Tokenizer) throws -> Examination<TargetedTokens> {
        try example.examine(with: tokenizer, learning: lossOn, sequenceLength: sequenceLength)
    }
}

/// How data is read and put into batches, for every command that trains or measures.
struct DataOptions: ParsableArguments {
    @OptionGroup var reading: DataReading

    @Option(help: .init("The number of rows in a batch.", valueName: "n"))
    var batchSize = 1

    var sequenceLength: Int { reading.sequenceLength }
    var lossOn: LearnedTokens { reading.lossOn }

    func open<Example>(_ texts: [String]) throws -> Examples<Example> { try reading.open(texts) }
}

extension LearnedTokens: ExpressibleByArgument {
    /// The words for it; roles may stand in any number, with commas between.
    static var allValueStrings: [String] { ["assistant", "last", "all", "user", "system", "tool", "user,assistant"] }
}
