import ArgumentParser
import Swage
import SwageRecipes
import SwageText

/// What a model is asked, and how its answers are scored.
struct ProblemOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: .init("The problems: files, folders, - for what is piped in, each with a weight as in a.jsonl*3.", valueName: "path"))
    var data: [String] = []

    @Option(help: .init("Problems of arithmetic of this difficulty (1 to 8), in place of data.", valueName: "n"))
    var arithmetic: Int?

    @Option(parsing: .upToNextOption, help: .init("Held-out problems. Arithmetic holds out its own.", valueName: "path"))
    var heldOut: [String] = []

    @Option(help: .init("How many held-out problems are measured.", valueName: "n"))
    var heldOutLimit = 200

    @Option(help: .init("How many answers to each of them: 1 for the likeliest, more for draws and pass@k.", valueName: "n", visibility: .hidden))
    var heldOutSamples = 1

    @OptionGroup var rewardOptions: RewardOptions

    @OptionGroup var rowOptions: RowOptions

    /// What is learned from, and what is measured.
    func open(seed: UInt64) throws -> (training: any ProblemSource, heldOut: (any ProblemSource)?) {
        if let arithmetic {
            return (
                try ArithmeticProblems(difficulty: arithmetic, seed: seed), try ArithmeticProblems(difficulty: arithmetic, seed: seed, part: .heldOut)
            )
        }
        let training: Examples<Problem> = try rowOptions.open(data)
        var measured: Examples<Problem>? = heldOut.isEmpty ? nil : try rowOptions.open(heldOut)
        measured?.noteRows(alsoIn: training)
        try rowOptions.checkMap(training.mapped, measured?.mapped)
        return (ProblemSet(training, shuffleSeed: seed), measured.map { ProblemSet($0, shuffleSeed: nil) })
    }
}

/// What answers are scored by.
struct RewardOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: .init(
            "What says that an answer is right: \(Reward.stock.map(\.name).joined(separator: ", ")). Training takes several, and weights as in finished:0.1.",
            valueName: "name"))
    var reward = ["number"]

    @Option(help: .init("How many seconds a reward may take.", valueName: "seconds", visibility: .hidden))
    var rewardTimeout = 60.0
}

/// How tokens are chosen, for every command that lets a model write many answers.
struct SamplingArguments: ParsableArguments {
    @Option(help: .init("The most tokens of an answer.", valueName: "n"))
    var maxTokens = 64

    @Option(help: .init("Divides the logits; 0 always takes the likeliest token.", valueName: "x"))
    var temperature = 1.0

    @Option(help: .init("Draw from the k likeliest tokens only. Default: all.", valueName: "k", visibility: .hidden))
    var topK: Int?

    @Option(help: .init("Draw from the likeliest tokens that together reach this probability.", valueName: "p", visibility: .hidden))
    var topP = 1.0

    @Option(parsing: .singleValue, help: .init("A text that ends an answer. May be given several times.", valueName: "text"))
    var stop: [String] = []

    @Option(help: .init("How many answers are written at once.", valueName: "n", visibility: .hidden))
    var concurrency = 64

    func options(seed: UInt64) -> SamplingOptions {
        SamplingOptions(
            maxTokens: maxTokens, temperature: temperature, topK: topK, topP: topP, seed: seed, stopStrings: stop,
            concurrency: concurrency)
    }

    func check(_ given: GivenOptions) throws {
        try options(seed: 0).check(given)
        try given.requireCount("concurrency", concurrency)
    }
}
