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
            can stand in a YAML recipe, with _ for -, and what is typed after the recipe counts more:

              swage sft recipes/sft-smollm2.yaml --steps 20
              swage sft --model my-model --data chats.jsonl --output runs/mine

            Run again with the same options, it goes on where it stopped. Ctrl-C saves a checkpoint first.
            """)

    @Argument(help: "A YAML file with any of the options below.")
    var recipe: String?

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @Option(help: "The training data, JSON lines.")
    var data: String

    @Option(help: "The folder for checkpoints, metrics, and the trained model.")
    var output: String

    @Option(help: "Held-out data, measured before and after.")
    var heldOut: String?

    @Option(help: "How many examples of the held-out data to measure. Default: all.")
    var heldOutLimit: Int?

    @Option(help: "The number of optimizer steps.")
    var steps = 100

    @Option(help: "How many batches are accumulated for one step.")
    var gradientAccumulation = 1

    @Flag(inversion: .prefixedNo, help: "Whether several examples share a row; they never see each other.")
    var packing = true

    @OptionGroup(title: "Data") var dataOptions: DataOptions

    @Option(help: "The seed of the order of the data.")
    var seed: UInt64 = 0

    @Flag(inversion: .prefixedNo, help: "Whether the data is shuffled, anew every epoch.")
    var shuffle = true

    @OptionGroup(title: "Optimizer") var optimizerOptions: OptimizerArguments

    @Option(help: "After how many steps a checkpoint is written. Default: at the end.")
    var saveEvery: Int?

    @Option(help: "How many checkpoints stay.")
    var keepCheckpoints = 2

    @Option(help: "A question that the model answers before and after.")
    var prompt: String?

    @Flag(help: "Remove what an earlier run has left in the output folder, and begin anew.")
    var restart = false

    @Flag(help: "Show where the time went, and write it as a Chrome trace to profile.json in the output folder.")
    var profile = false

    @Flag(help: "Print the result as one JSON object, the last line of standard output.")
    var json = false

    func run() async throws {
        let directory = RunDirectory(path: output)
        if restart { try directory.clear() }
        let display = FineTuningDisplay(printsJSON: json)
        let logger = modelOptions.logger()
        // Checking the data and reading the model take about as long; neither waits for the other.
        async let started = modelOptions.start(
            optimizer: optimizerOptions.options(totalSteps: steps), checkpointDirectory: directory.checkpoints,
            keptCheckpoints: keepCheckpoints, profiles: profile)
        let training = try dataOptions.open(data, logger)
        let heldOutData = try heldOut.map { try dataOptions.open($0, logger) }
        let engine = try await started
        display.began(model: try await engine.trainer.config().modelName, examples: training.count)

        let tuning = try SupervisedFineTuning(
            trainer: engine.trainer, sampler: engine.sampler, training: training, heldOut: heldOutData, directory: directory,
            settings: settings, options: options, observe: display.show)
        let outcome = try await cancelledByInterrupt { try await tuning.run() }
        if let report = try await engine.profile() { try report.publish(path: output + "/profile.json") }
        switch outcome {
        case .finished(let report):
            display.finished(report)
        case .alreadyFinished(let report):
            display.note("This run is done. Another one needs another --output, or --restart.")
            display.finished(report)
        case .interrupted(let step, let checkpoint):
            display.interrupted(step: step, checkpoint: checkpoint)
            throw ExitCode(130)
        }
    }

    private var options: SupervisedFineTuning.Options {
        SupervisedFineTuning.Options(
            steps: steps, accumulation: gradientAccumulation,
            batches: ExampleStream.Options(
                rows: dataOptions.batchSize, sequenceLength: dataOptions.sequenceLength, packing: packing,
                learnedTokens: dataOptions.lossOn, shuffleSeed: shuffle ? seed : nil),
            heldOutLimit: heldOutLimit, saveEvery: saveEvery, prompt: prompt)
    }

    /// What makes two runs different ones.
    private var settings: [String: String] {
        [
            "model": modelOptions.modelName, "data": data, "held-out": heldOut ?? "none", "steps": "\(steps)",
            "gradient-accumulation": "\(gradientAccumulation)", "packing": "\(packing)",
            "sequence-length": "\(dataOptions.sequenceLength)", "batch-size": "\(dataOptions.batchSize)",
            "loss-on": dataOptions.lossOn.rawValue, "seed": "\(seed)", "shuffle": "\(shuffle)",
            "chat-template": modelOptions.chatTemplate ?? "the model's",
        ].merging(optimizerOptions.settings) { own, _ in own }
    }
}
