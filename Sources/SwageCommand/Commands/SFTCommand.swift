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
            Reads JSON lines of {"messages": [...]}, {"prompt": ..., "completion": ...} or {"text": ...}. Every option \
            can stand in a YAML recipe, with _ for -; paths in it begin where the command is run. What is typed replaces \
            what the recipe says:

              swage sft recipes/sft-smollm2.yaml --steps 20
              swage sft --model my-model --data chats.jsonl --output runs/mine

            Run again with the same options, it goes on where it stopped. Ctrl-C saves a checkpoint first.
            """)

    @Argument(help: "A YAML file with any of the options below.")
    var recipe: String?

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @Option(help: .init("The training data, JSON lines.", valueName: "path"))
    var data: String

    @Option(help: .init("Held-out data, measured before and after.", valueName: "path"))
    var heldOut: String?

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

    func run() async throws {
        let display = TrainingDisplay()
        try runOptions.check(
            inputs: ["the model": modelOptions.model, "the data": data, "the held-out data": heldOut, "the recipe": recipe])
        // Checking the data and reading the model take about as long; neither waits for the other.
        async let started = runOptions.start(modelOptions, optimizerOptions)
        async let model = modelOptions.contents()
        let training: Examples<TrainingExample> = try dataOptions.open(data)
        let heldOutData: Examples<TrainingExample>? = try heldOut.map { try dataOptions.open($0) }
        let engine = try await started
        try await engine.requireRoom(rows: dataOptions.batchSize, of: dataOptions.sequenceLength)
        display.note("Fine-tuning \(try await engine.trainer.config().modelName) on \(data)")
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
                learnedTokens: dataOptions.lossOn, shuffleSeed: shuffle ? runOptions.seed : nil),
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
