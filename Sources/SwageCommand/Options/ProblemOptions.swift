import ArgumentParser
import Swage
import SwageRecipes
import SwageText

/// What a model is asked, and how its answers are scored.
struct ProblemOptions: ParsableArguments {
    @Option(help: "The problems, JSON lines.")
    var data: String?

    @Option(help: "Problems of arithmetic of this difficulty (1 to 8), in place of data.")
    var arithmetic: Int?

    @Option(help: "Held-out problems, JSON lines. Arithmetic holds out its own.")
    var heldOut: String?

    @Option(help: "How many held-out problems are measured.")
    var heldOutLimit = 200

    @Option(help: "How many answers to each of them: 1 for the likeliest, more for draws and pass@k.")
    var heldOutSamples = 1

    @OptionGroup var rewardOptions: RewardOptions

    @Flag(inversion: .prefixedNo, help: "Whether lines that cannot be used are left out and counted, instead of stopping at the first.")
    var skipBadLines = false

    func training(seed: UInt64) throws -> any ProblemSource {
        if let arithmetic { return try ArithmeticProblems(difficulty: arithmetic, seed: seed) }
        return ProblemFile(try open(data!), shuffleSeed: seed)
    }

    func heldOutProblems(seed: UInt64) throws -> (any ProblemSource)? {
        if let arithmetic { return try ArithmeticProblems(difficulty: arithmetic, seed: seed, part: .heldOut) }
        return try heldOut.map { ProblemFile(try open($0), shuffleSeed: nil) }
    }

    private func open(_ path: String) throws -> JSONLines<Problem> {
        try JSONLines(path: path, badLines: skipBadLines ? .skip : .stop)
    }
}

/// What answers are scored by.
struct RewardOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help:
            "What says that an answer is right. Training takes several, each perhaps with a weight as in finished:0.1. There are \(Reward.stock.map(\.name).joined(separator: ", "))."
    )
    var reward = ["number"]

    @Option(help: "How many seconds a reward may take.")
    var rewardTimeout = 60.0
}

/// How tokens are chosen, for every command that lets a model write many answers.
struct SamplingArguments: ParsableArguments {
    @Option(help: "The most tokens of an answer.")
    var maxTokens = 64

    @Option(help: "Divides the logits; 0 always takes the likeliest token.")
    var temperature = 1.0

    @Option(help: "Draw from the k likeliest tokens only. Default: all.")
    var topK: Int?

    @Option(help: "Draw from the likeliest tokens that together reach this probability.")
    var topP = 1.0

    @Option(parsing: .singleValue, help: "A text that ends an answer. May be given several times.")
    var stop: [String] = []

    @Option(help: "How many answers are written at once.")
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
