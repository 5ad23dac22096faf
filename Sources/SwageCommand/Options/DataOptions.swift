public import ArgumentParser
import SwageText

/// How data is read, for every command that reads any.
struct DataOptions: ParsableArguments {
    @Option(help: "The number of positions in a row of a batch; longer examples are cut.")
    var sequenceLength = Self.usualSequenceLength

    @Option(help: "The number of rows in a batch.")
    var batchSize = 1

    @Option(help: "Which tokens the loss counts: assistant (its turns, completions, plain text) or all.")
    var lossOn: LearnedTokens = .assistant

    @Flag(inversion: .prefixedNo, help: "Whether lines that cannot be used are left out and counted, instead of stopping at the first.")
    var skipBadLines = false

    static let usualSequenceLength = 1024

    func open<Example>(_ path: String) throws -> JSONLines<Example> {
        try JSONLines(path: path, badLines: skipBadLines ? .skip : .stop)
    }
}

extension LearnedTokens: ExpressibleByArgument {}
