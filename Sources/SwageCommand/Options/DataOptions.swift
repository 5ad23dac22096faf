public import ArgumentParser
import SwageText

/// How data is read, for every command that reads any.
struct DataOptions: ParsableArguments {
    @Option(help: .init("Positions in a row; longer examples are cut.", valueName: "n"))
    var sequenceLength = Self.usualSequenceLength

    @Option(help: .init("The number of rows in a batch.", valueName: "n"))
    var batchSize = 1

    @Option(help: .init("Which tokens the loss counts.", valueName: "tokens"))
    var lossOn: LearnedTokens = .assistant

    @Flag(inversion: .prefixedNo, help: "Whether lines that cannot be used are left out.")
    var skipBadLines = false

    static let usualSequenceLength = 1024

    func open<Example>(_ path: String) throws -> Examples<Example> {
        try Examples(path: path, badLines: skipBadLines ? .skip : .stop)
    }
}

extension LearnedTokens: ExpressibleByArgument {}
