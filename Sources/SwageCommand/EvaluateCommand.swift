import ArgumentParser
import Swage
import SwageRecipes
import SwageText

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model: its loss and perplexity on data, its accuracy on problems.",
        discussion: """
            Reads the JSON lines of sft as --data, and those of grpo as --problems.

              swage evaluate --model my-model --data held-out.jsonl
              swage evaluate --model my-model --problems problems.jsonl --reward exact_match
              swage evaluate --model my-model --arithmetic 2 --samples 8 --pass-at 1 4 8
            """)

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @Option(help: "Data whose loss is measured, JSON lines.")
    var data: String?

    @Option(help: "Problems whose answers are counted, JSON lines.")
    var problems: String?

    @Option(help: "Held-out problems of arithmetic of this difficulty (1 to 8), in place of problems.")
    var arithmetic: Int?

    @Option(help: "How many examples or problems to measure, from the first on. Default: all, and 200 of arithmetic.")
    var limit: Int?

    @Option(help: "How many answers to each problem: 1 for the likeliest, more for draws.")
    var samples = 1

    @Option(parsing: .upToNextOption, help: "For which numbers of draws to say how likely one of them is right (pass@k).")
    var passAt: [Int] = []

    @Option(help: "The seed of all that is drawn at random.")
    var seed: UInt64 = 0

    @OptionGroup(title: "Problems") var rewardOptions: RewardOptions

    @OptionGroup(title: "Answers") var samplingOptions: SamplingArguments

    @OptionGroup(title: "Data") var dataOptions: DataOptions

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
        guard data != nil || problems != nil || arithmetic != nil else {
            throw ValidationError("Nothing is to be measured; expected --data, --problems or --arithmetic.")
        }
        guard problems == nil || arithmetic == nil else {
            throw ValidationError("Both --problems and --arithmetic are given; expected one of them.")
        }
        if let odd = passAt.first(where: { !(1...max(1, samples)).contains($0) }) {
            throw ValidationError("--pass-at is \(odd); expected 1 to \(samples), the number of samples.")
        }
    }

    func run() async throws {
        let engine = try await modelOptions.start()
        let loss = try await measureLoss(engine)
        let accuracy = try await measureAccuracy(engine)
        if json {
            printAsJSON(Self.json(loss).merging(json(accuracy)) { own, _ in own })
        } else {
            if let loss {
                print(
                    "loss \(fixed(loss.loss, 4))  perplexity \(fixed(loss.perplexity, 2))  "
                        + "(\(loss.tokens) tokens of \(loss.examples) examples)")
            }
            if let accuracy {
                print(accuracy.summary)
                for k in passAt { print("pass@\(k) \(fixed(accuracy.pass(at: k) * 100, 1)) %") }
            }
        }
    }

    private func measureLoss(_ engine: StartedEngine) async throws -> Evaluation.Result? {
        guard let data else { return nil }
        let examples: JSONLines<TrainingExample> = try dataOptions.open(data, modelOptions.logger())
        let evaluation = try Evaluation(
            examples, tokenizer: try await engine.trainer.tokenizer(), learnedTokens: dataOptions.lossOn, limit: limit,
            rows: dataOptions.batchSize, sequenceLength: dataOptions.sequenceLength)
        let trainer = engine.trainer
        return try await showing("loss") { try await evaluation.run(trainer, progress: $0) }
    }

    private func measureAccuracy(_ engine: StartedEngine) async throws -> Accuracy? {
        guard problems != nil || arithmetic != nil else { return nil }
        let (source, count) = try source()
        let evaluation = try AccuracyEvaluation(
            try await modelOptions.sampler(for: engine), tokenizer: try await engine.trainer.tokenizer(), problems: source,
            count: count, verifier: try rewardOptions.rewards()[0], samples: samples,
            options: Rollouts.Options(sampling: samplingOptions.options(seed: seed)))
        return try await showing("accuracy") { try await evaluation.run(progress: $0) }
    }

    private func source() throws -> (any ProblemSource, count: Int) {
        if let arithmetic {
            return (try ArithmeticProblems(difficulty: arithmetic, seed: seed, part: .heldOut), limit ?? 200)
        }
        let lines: JSONLines<Problem> = try dataOptions.open(problems!, modelOptions.logger())
        return (ProblemFile(lines, shuffleSeed: nil), min(limit ?? .max, lines.count))
    }

    /// Shows how far a measurement is.
    private func showing<Result: Sendable>(
        _ what: String, _ body: @escaping @Sendable (@escaping @Sendable (Double) -> Void) async throws -> Result
    ) async throws -> Result {
        let bar = ProgressBar()
        let start = ContinuousClock.now
        defer { bar.end() }
        return try await cancelledByInterrupt {
            try await body { done in
                let elapsed = start.duration(to: .now) / .seconds(1)
                bar.show(
                    what, fraction: done,
                    detail: "\(Int(done * 100))%  \(readable(seconds: elapsed / done * (1 - done))) left", isMilestone: false)
            }
        }
    }

    private static func json(_ loss: Evaluation.Result?) -> [String: Any] {
        guard let loss else { return [:] }
        return ["loss": loss.loss, "perplexity": loss.perplexity, "tokens": loss.tokens, "examples": loss.examples]
    }

    private func json(_ accuracy: Accuracy?) -> [String: Any] {
        guard let accuracy else { return [:] }
        var object: [String: Any] = [
            "accuracy": accuracy.value, "problems": accuracy.problems, "samples": accuracy.samples,
            "accuracyInterval": [accuracy.interval.lowerBound, accuracy.interval.upperBound],
        ]
        for k in passAt { object["pass@\(k)"] = accuracy.pass(at: k) }
        return object
    }
}
