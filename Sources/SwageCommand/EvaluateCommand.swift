import ArgumentParser
import Swage
import SwageRecipes
import SwageText

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model's loss and perplexity on data.",
        discussion: "Reads the same JSON lines as sft.")

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @Option(help: "The data, JSON lines.")
    var data: String

    @Option(help: "How many examples to measure, from the first on. Default: all.")
    var limit: Int?

    @OptionGroup(title: "Data") var dataOptions: DataOptions

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func run() async throws {
        let examples: JSONLines<TrainingExample> = try dataOptions.open(data, modelOptions.logger())
        let trainer = try await modelOptions.start().trainer
        let evaluation = try Evaluation(
            examples, tokenizer: try await trainer.tokenizer(), learnedTokens: dataOptions.lossOn, limit: limit,
            rows: dataOptions.batchSize, sequenceLength: dataOptions.sequenceLength)
        let bar = ProgressBar()
        let start = ContinuousClock.now
        let result = try await cancelledByInterrupt {
            try await evaluation.run(trainer) { done in
                let elapsed = start.duration(to: .now) / .seconds(1)
                bar.show(
                    "evaluating", fraction: done,
                    detail: "\(Int(done * 100))%  \(readable(seconds: elapsed / done * (1 - done))) left",
                    isMilestone: false)
            }
        }
        bar.end()
        if json {
            printAsJSON([
                "loss": result.loss, "perplexity": result.perplexity, "tokens": result.tokens,
                "examples": result.examples,
            ])
        } else {
            print(
                "loss \(fixed(result.loss, 4))  perplexity \(fixed(result.perplexity, 2))  "
                    + "(\(result.tokens) tokens of \(result.examples) examples)")
        }
    }
}
