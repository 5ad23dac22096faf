import ArgumentParser
import Swage
import SwageRecipes
import SwageText

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model: its loss and perplexity on data, its accuracy on problems.",
        discussion: """
            Reads the rows of sft as --data, and those of grpo as --problems. Every option can stand in a YAML \
            recipe, with _ for -; paths in it begin where the command is run:

              swage evaluate --model my-model --data held-out.jsonl
              swage evaluate --model my-model --problems problems.jsonl --reward exact_match
              swage evaluate --model my-model --arithmetic 2 --samples 8 --pass-at 1 4 8
              swage evaluate recipes/evaluate-smollm2.yaml --output runs/evaluation

            With --output, every answer is kept as soon as it is scored. Run again with the same options, it goes on where \
            it stopped.
            """)

    @Argument(help: "A YAML file with any of the options below.")
    var recipe: String?

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @Option(parsing: .upToNextOption, help: .init("Data whose loss is measured, as sft reads it.", valueName: "path"))
    var data: [String] = []

    @Option(parsing: .upToNextOption, help: .init("Problems whose answers are counted, as grpo reads them.", valueName: "path"))
    var problems: [String] = []

    @Option(help: .init("Held-out problems of arithmetic of this difficulty (1 to 8), in place of problems.", valueName: "n"))
    var arithmetic: Int?

    @Option(help: .init("How many examples or problems to measure, from the first on. Default: all, and 200 of arithmetic.", valueName: "n"))
    var limit: Int?

    @Option(help: .init("How many answers to each problem: 1 for the likeliest, more for draws.", valueName: "n"))
    var samples = 1

    @Option(parsing: .upToNextOption, help: .init("For which numbers of draws to say how likely one of them is right (pass@k).", valueName: "k"))
    var passAt: [Int] = []

    @Option(help: .init("The seed of all that is drawn.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(help: .init("A folder for the answers and the result, in which the same command goes on after an interrupt.", valueName: "path"))
    var output: String?

    @Flag(inversion: .prefixedNo, help: "Whether to remove an earlier evaluation first.")
    var restart = false

    @OptionGroup(title: "Problems") var rewardOptions: RewardOptions

    @OptionGroup(title: "Answers") var samplingOptions: SamplingArguments

    @OptionGroup(title: "Data") var dataOptions: DataOptions

    @Flag(inversion: .prefixedNo, help: "Whether to print the result as JSON, in one line.")
    var json = false

    func validate() throws {
        try modelOptions.validate(EngineUse(readsModelHere: !problems.isEmpty || arithmetic != nil))
    }

    func run() async throws {
        let directory = output.map { EvaluationDirectory(path: $0) }
        var inputs = ["the model": modelOptions.model, "the recipe": recipe]
        for (name, paths) in [("the data", data), ("the problems", problems)] {
            try inputs.merge(RowOptions.inputs(name, paths)) { first, _ in first }
        }
        try directory?.check(inputs: inputs.compactMapValues { $0 })
        async let model = modelOptions.contents()
        let engine = try await modelOptions.start()
        var tokenizer = try await engine.trainer.tokenizer()
        if let directory { tokenizer = try directory.asBegun(tokenizer, isNew: restart) }
        let examples: Examples<TrainingExample>? = data.isEmpty ? nil : try dataOptions.open(data)
        let asked: Examples<Problem>? = problems.isEmpty ? nil : try dataOptions.open(problems)
        try dataOptions.reading.rows.checkMap(examples?.mapped, asked?.mapped)
        let loss = try await lossEvaluation(examples, engine, tokenizer)
        let accuracy = try await accuracyEvaluation(asked, engine, tokenizer)
        let data = [loss?.report, accuracy?.report].compactMap { $0 }
        for report in data { writeToStandardError("\(report)\n") }
        if restart { try directory?.clear() }
        // For which numbers of draws pass@k is told changes nothing that is drawn.
        try directory?.begin(
            settings: modelOptions.settings(of: self, but: ["pass-at"]),
            contents: try await model.merging(engine.trainer.config().measuredContents) { own, _ in own }, loss: loss, accuracy: accuracy)
        do {
            let result = Result(
                loss: try await MeasurementDisplay.showing("loss", of: loss?.count, "examples") {
                    try await loss?.run(engine.trainer, record: directory?.losses, progress: $0)
                },
                accuracy: try await MeasurementDisplay.showing("accuracy", of: accuracy?.count, "problems") {
                    try await accuracy?.run(record: directory?.answers, progress: $0)
                })
            var object = object(result)
            object["data"] = data.isEmpty ? nil : jsonObject(data)
            try directory?.write(result: jsonLine(object))
            let copy = directory.map { $0.path + "/result.json" }
            if json { try printAsJSON(object, copy: copy) } else { try printLine(text(result), copy: copy) }
        } catch is CancellationError where output != nil {
            writeToStandardError("Stopped. The same command goes on from there.\n")
            throw Interrupt.exitCode
        }
    }

    private func lossEvaluation(
        _ examples: Examples<TrainingExample>?, _ engine: StartedEngine, _ tokenizer: any Tokenizer
    ) async throws -> Evaluation? {
        guard let examples else { return nil }
        try await engine.requireRoom(rows: dataOptions.batchSize, of: dataOptions.sequenceLength, isTraining: false)
        return try Evaluation(
            examples, tokenizer: tokenizer,
            learnedTokens: dataOptions.lossOn, limit: limit, rows: dataOptions.batchSize,
            sequenceLength: dataOptions.sequenceLength)
    }

    private func accuracyEvaluation(
        _ asked: Examples<Problem>?, _ engine: StartedEngine, _ tokenizer: any Tokenizer
    ) async throws -> AccuracyEvaluation? {
        guard let (source, count) = try source(asked) else { return nil }
        return try AccuracyEvaluation(
            try await modelOptions.sampler(for: engine), tokenizer: tokenizer, problems: source,
            count: count, verifier: try rewardOptions.rewards()[0], samples: samples,
            options: Rollouts.Options(sampling: samplingOptions.options(seed: seed)))
    }

    private func source(_ asked: Examples<Problem>?) throws -> (any ProblemSource, count: Int)? {
        if let arithmetic {
            return (try ArithmeticProblems(difficulty: arithmetic, seed: seed, part: .heldOut), limit ?? 200)
        }
        return asked.map { (ProblemSet($0, shuffleSeed: nil), limit ?? $0.count) }
    }

    private struct Result {
        var loss: Evaluation.Result?
        var accuracy: Accuracy?
    }

    private func text(_ result: Result) -> String {
        var lines: [String] = []
        if let loss = result.loss {
            lines.append(
                "loss \(fixed(loss.loss, 4))  perplexity \(fixed(loss.perplexity, 2))  "
                    + "(\(loss.tokens) tokens of \(loss.examples) examples)")
        }
        if let accuracy = result.accuracy {
            lines.append(accuracy.summary)
            lines += passAt.map { "pass@\($0) \(fixed(accuracy.pass(at: $0) * 100, 1)) %" }
        }
        return lines.joined(separator: "\n")
    }

    private func object(_ result: Result) -> [String: Any] {
        var object: [String: Any] = [:]
        if let loss = result.loss {
            object = ["loss": loss.loss, "perplexity": loss.perplexity, "tokens": loss.tokens, "examples": loss.examples]
        }
        if let accuracy = result.accuracy {
            object["accuracy"] = accuracy.value
            object["accuracyInterval"] = [accuracy.interval.lowerBound, accuracy.interval.upperBound]
            object["problems"] = accuracy.problems
            object["samples"] = accuracy.samples
            for k in passAt { object["pass@\(k)"] = accuracy.pass(at: k) }
        }
        return object
    }
}
