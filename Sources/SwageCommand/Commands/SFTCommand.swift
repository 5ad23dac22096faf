import ArgumentParser
import Foundation
import Swage
import SwageRecipes
import SwageText

struct SFTCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sft",
        abstract: "Fine-tune a model on conversations, completions or text.",
        discussion: """
            Reads conversations ({"messages": [...]}, ShareGPT's, Alpaca's), {"prompt": ..., "completion": ...} and {"text": ...} as \
            JSON lines, JSON, CSV or TSV, also gzipped; swage data show shows what is learned. Every option can stand in a YAML recipe, with _ for -; paths in it begin where the command is run. What is typed replaces \
            what the recipe says:

              swage sft recipes/sft-smollm2.yaml --steps 20
              swage sft --model my-model --data chats.jsonl --output runs/mine

            Run again with the same options, it goes on where it stopped. Ctrl-C saves a checkpoint first.
            """)

    @Argument(help: "A YAML file with any of the options below.")
    var recipe: String?

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @Option(
        parsing: .upToNextOption,
        help: .init("The training data: files, folders, - for what is piped in, each with a weight as in a.jsonl*3.", valueName: "path"))
    var data: [String]

    @Option(parsing: .upToNextOption, help: .init("Held-out data, measured before and after.", valueName: "path"))
    var heldOut: [String] = []

    @Option(help: .init("Which part of the training data to hold out, such as 0.05, in place of held-out data.", valueName: "x"))
    var validationSplit: Double?

    @Option(help: .init("How often to go through the data, in place of a number of steps.", valueName: "n"))
    var epochs: Int?

    @Option(help: .init("How many held-out examples count. Default: all.", valueName: "n"))
    var heldOutLimit: Int?

    @Option(help: .init("How many batches make one step.", valueName: "n"))
    var gradientAccumulation = 1

    @Flag(inversion: .prefixedNo, help: "Whether examples share rows, unseen by each other.")
    var packing = true

    @OptionGroup(title: "Run") var runOptions: RunOptions

    @OptionGroup(title: "Data") var dataOptions: DataOptions

    @Flag(inversion: .prefixedNo, help: "Whether the data is shuffled, anew every epoch.")
    var shuffle = true

    @OptionGroup(title: "Optimizer") var optimizerOptions: OptimizerArguments

    @Option(help: .init("A question that the model answers before and after.", valueName: "text"))
    var prompt: String?

    func validate() throws {
        try modelOptions.validate(EngineUse(optimizer: optimizerOptions))
        try runOptions.validate(modelOptions)
    }

    mutating func run() async throws {
        let display = TrainingDisplay()
        var inputs = ["the model": modelOptions.model, "the recipe": recipe]
        for (name, paths) in [("the data", data), ("the held-out data", heldOut)] {
            try inputs.merge(RowOptions.inputs(name, paths)) { first, _ in first }
        }
        try runOptions.check(inputs: inputs)
        // Checking the data and reading the model take about as long; neither waits for the other.
        async let model = modelOptions.contents()
        let (training, heldOutData, engine) = try await open()
        try await engine.requireRoom(rows: dataOptions.batchSize, of: dataOptions.sequenceLength)
        display.note("Fine-tuning \(try await engine.trainer.config().modelName) on \(training.name)")
        var options = options
        if options.prompt != nil, engine.sampler == nil {
            options.prompt = nil
            display.note("This engine does not write: the prompt is not answered.")
        }
        let tuning = try SupervisedFineTuning(
            trainer: engine.trainer, sampler: engine.sampler, training: training, heldOut: heldOutData,
            directory: runOptions.directory, settings: modelOptions.settings(of: self), contents: try await model, options: options
        ) { event in
            display.show(event, measured: { $0.heldOut?.summary }, detail: Self.detail)
        }
        try await runOptions.conduct(engine, display) { try await tuning.run() }
    }

    /// The data and the engine. How many steps some epochs are is known once the data is, and an engine's schedule asks for it.
    private mutating func open() async throws -> (Examples<TrainingExample>, Examples<TrainingExample>?, StartedEngine) {
        guard epochs == nil else {
            let (training, heldOut) = try examples()
            if let tokenizer = try modelOptions.tokenizer() { try countSteps(training, tokenizer) }
            let engine = try await runOptions.start(modelOptions, optimizerOptions)
            if modelOptions.model == nil { try countSteps(training, try await engine.trainer.tokenizer()) }
            return (training, heldOut, engine)
        }
        async let started = runOptions.start(modelOptions, optimizerOptions)
        let (training, heldOut) = try examples()
        return (training, heldOut, try await started)
    }

    private func examples() throws -> (training: Examples<TrainingExample>, heldOut: Examples<TrainingExample>?) {
        let training: Examples<TrainingExample> = try dataOptions.open(data)
        var heldOutData: Examples<TrainingExample>? = heldOut.isEmpty ? nil : try dataOptions.open(heldOut)
        heldOutData?.noteRows(alsoIn: training)
        try dataOptions.reading.rows.checkMap(training.mapped, heldOutData?.mapped)
        if let validationSplit { return try training.split(heldOut: validationSplit, seed: runOptions.seed) }
        return (training, heldOutData)
    }

    private mutating func countSteps(_ training: Examples<TrainingExample>, _ tokenizer: any Tokenizer) throws {
        guard epochs != nil else { return }
        let batches = try ExampleStream.batchCount(of: training, tokenizer: tokenizer, options: options.batches)
        runOptions.steps = max(1, (batches + gradientAccumulation - 1) / gradientAccumulation)
    }

    private static func detail(_ step: TrainingStep) -> [String] {
        [
            "loss \(fixed(step.loss, 4))", "lr \(scientific(step.learningRate))", "norm \(fixed(step.gradientNorm, 2))",
            "\(Int(Double(step.tokens) / step.seconds)) tokens/s",
        ]
    }

    private var options: SupervisedFineTuning.Options {
        SupervisedFineTuning.Options(
            steps: runOptions.steps, accumulation: gradientAccumulation,
            batches: ExampleStream.Options(
                rows: dataOptions.batchSize, sequenceLength: dataOptions.sequenceLength, packing: packing,
                learnedTokens: dataOptions.lossOn, shuffleSeed: shuffle ? runOptions.seed : nil, passes: epochs),
            heldOutLimit: heldOutLimit, saveEvery: runOptions.saveEvery, prompt: prompt)
    }
}

extension Evaluation.Result {
    var summary: String {
        "held-out loss \(fixed(loss, 4)), perplexity \(fixed(perplexity, 2)), \(tokens) tokens of \(examples) examples"
    }
}

extension SupervisedFineTuning.Report: PrintableReport {
    var json: [String: Any] {
        var object = end.json
        object["heldOutLossBefore"] = before.heldOut?.loss
        object["heldOutLossAfter"] = after.heldOut?.loss
        object["data"] = jsonObject(data)
        return object
    }

    var summary: String {
        var parts: [String] = []
        if let before = before.heldOut, let after = after.heldOut {
            parts.append(
                """

                held-out loss     \(fixed(before.loss, 4)) → \(fixed(after.loss, 4))
                perplexity        \(fixed(before.perplexity, 2)) → \(fixed(after.perplexity, 2))
                """)
        }
        parts.append("tokens/s          \(fixed(end.tokensPerSecond, 1)) over \(end.steps) steps")
        if let prompt, let replyBefore = before.reply, let replyAfter = after.reply {
            parts.append(
                """

                \(quoted(prompt))
                  before: \(quoted(replyBefore))
                  after:  \(quoted(replyAfter))
                """)
        }
        return (parts + [end.summary]).joined(separator: "\n")
    }
}
