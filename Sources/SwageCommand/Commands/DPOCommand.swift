public import ArgumentParser
import Foundation
import Swage
import SwageRecipes
import SwageText

struct DPOCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dpo",
        abstract: "Let a model learn from preferences between answers.",
        discussion: """
            Reads JSON lines of {"prompt": ..., "chosen": ..., "rejected": ...}, texts or lists of messages, or of OpenAI's \
            {"input": ..., "preferred_output": ..., "non_preferred_output": ...}. Every option can stand in a YAML recipe, \
            with _ for -; paths in it begin where the command is run:

              swage dpo recipes/dpo-smollm2.yaml
              swage dpo --model my-model --data preferences.jsonl --output runs/mine

            Run again with the same options, it goes on where it stopped. Ctrl-C saves a checkpoint first.
            """)

    @Argument(help: "A YAML file with any of the options below.")
    var recipe: String?

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @Option(parsing: .upToNextOption, help: .init("The pairs to learn from: files, folders, - for what is piped in.", valueName: "path"))
    var data: [String]

    @Option(parsing: .upToNextOption, help: .init("Held-out pairs, measured before and after.", valueName: "path"))
    var heldOut: [String] = []

    @Option(help: .init("How many of the held-out pairs to measure. Default: all.", valueName: "n"))
    var heldOutLimit: Int?

    @OptionGroup(title: "Data") var rowOptions: RowOptions

    @Option(help: .init("How many pairs a step learns from.", valueName: "n"))
    var pairsPerStep = 8

    @Option(help: .init("How many pairs are trained on at once.", valueName: "n"))
    var microbatch = 4

    @Option(help: .init("The most tokens of a prompt with an answer; what is longer is cut.", valueName: "n"))
    var sequenceLength = DataReading.usualSequenceLength

    @Option(help: .init("How strongly the model is kept near to what it was.", valueName: "x"))
    var beta = 0.1

    @Option(help: "The loss: \(LossFunction.PreferenceLoss.allCases.map(\.rawValue).joined(separator: ", ")).")
    var loss: LossFunction.PreferenceLoss = .sigmoid

    @Flag(inversion: .prefixedNo, help: "Whether the data is shuffled.")
    var shuffle = true

    @OptionGroup(title: "Optimizer") var optimizerOptions: OptimizerArguments

    @OptionGroup(title: "Run") var runOptions: RunOptions

    func validate() throws {
        try modelOptions.validate(EngineUse(optimizer: optimizerOptions))
        try runOptions.validate(modelOptions)
    }

    func run() async throws {
        let display = TrainingDisplay()
        var inputs = ["the model": modelOptions.model, "the recipe": recipe]
        for (name, paths) in [("the data", data), ("the held-out data", heldOut)] {
            try inputs.merge(RowOptions.inputs(name, paths)) { first, _ in first }
        }
        try runOptions.check(inputs: inputs)
        async let started = runOptions.start(modelOptions, optimizerOptions)
        async let model = modelOptions.contents()
        let training: Examples<PreferencePair> = try rowOptions.open(data)
        var heldOutData: Examples<PreferencePair>? = heldOut.isEmpty ? nil : try rowOptions.open(heldOut)
        heldOutData?.noteRows(alsoIn: training)
        try rowOptions.checkMap(training.mapped, heldOutData?.mapped)
        let engine = try await started
        try await engine.requireRoom(rows: 2 * microbatch, of: sequenceLength)
        display.note("\(try await engine.trainer.config().modelName) learns from the preferences of \(training.name)")
        let dpo = try DPO(
            trainer: engine.trainer, training: training, heldOut: heldOutData,
            tokenizer: try await engine.trainer.tokenizer(), directory: runOptions.directory,
            settings: modelOptions.settings(of: self), contents: try await model,
            options: DPO.Options(
                steps: runOptions.steps, pairsPerStep: pairsPerStep, microbatch: microbatch, sequenceLength: sequenceLength,
                beta: beta, loss: loss, shuffleSeed: shuffle ? runOptions.seed : nil, heldOutLimit: heldOutLimit,
                saveEvery: runOptions.saveEvery)
        ) { event in
            display.show(event, measured: { $0?.summary }, detail: Self.detail)
        }
        try await runOptions.conduct(engine, display) { try await dpo.run() }
    }

    private static func detail(_ step: TrainingStep) -> [String] {
        ["loss \(fixed(step.loss, 4))"] + step.told("margin", 3) + step.told("accuracy", 2)
            + ["norm \(fixed(step.gradientNorm, 2))", "\(Int(Double(step.tokens) / step.seconds)) tokens/s"]
    }
}

extension LossFunction.PreferenceLoss: ExpressibleByArgument {}

extension DPO.Margins {
    var summary: String {
        if error == 0 { return "the reference, whose margin is 0, on \(pairs) held-out pairs" }
        return "held-out margin \(fixed(margin, 3)) ± \(fixed(error, 3)), accuracy \(fixed(accuracy * 100, 1)) % of \(pairs) pairs"
    }
}

extension DPO.Report: PrintableReport {
    var json: [String: Any] {
        var object = end.json
        object["marginBefore"] = before?.margin
        object["marginAfter"] = after?.margin
        object["accuracyAfter"] = after?.accuracy
        object["pairs"] = after?.pairs
        object["data"] = jsonObject(data)
        return object
    }

    var summary: String { end.summary(before: before?.summary, after: after?.summary) }
}
