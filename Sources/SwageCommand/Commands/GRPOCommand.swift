public import ArgumentParser
import Foundation
import Swage
import SwageRecipes
import SwageText
import Synchronization

struct GRPOCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grpo",
        abstract: "Let a model learn from rewards for its own answers.",
        discussion: """
            Reads {"prompt": ..., "answer": ...}, a prompt being a text or messages, as JSON lines, JSON, CSV or TSV, also gzipped, \
            or draws problems of arithmetic. Every option can stand in a YAML recipe, with _ for -; paths in it begin where the command is run:

              swage grpo recipes/grpo-arithmetic.yaml
              swage grpo --model my-model --data problems.jsonl --reward number finished:0.1 --output runs/mine

            Run again with the same options, it goes on where it stopped. Ctrl-C saves a checkpoint first. --help-hidden shows \
            all options of the loss and of sampling.
            """)

    @Argument(help: "A YAML file with any of the options below.")
    var recipe: String?

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @OptionGroup(title: "Problems") var problemOptions: ProblemOptions

    @OptionGroup(title: "Rollouts") var samplingOptions: SamplingArguments

    @Option(help: .init("How many problems a rollout has.", valueName: "n"))
    var problemsPerRollout = 8

    @Option(help: .init("How many answers to each problem.", valueName: "n"))
    var groupSize = 8

    @Option(help: .init("What to do with an answer whose reward fails: stop or drop.", valueName: "what", visibility: .hidden))
    var onFailure: FailurePolicy = .stop

    @Option(help: .init("The loss.", valueName: "name"))
    var loss: PolicyLoss = .grpo

    @Option(help: .init("grpo, gspo, ppo: how far a token's probability may fall before it no longer counts.", valueName: "x", visibility: .hidden))
    var clipLow = PolicyLoss.Options().clipLow

    @Option(help: .init("grpo, gspo, ppo, cispo: how far it may rise.", valueName: "x", visibility: .hidden))
    var clipHigh = PolicyLoss.Options().clipHigh

    @Option(
        help: .init(
            "grpo: how tokens are averaged: token-mean, sequence-mean or constant (over all that were allowed).", valueName: "name", visibility: .hidden))
    var normalization: Normalization = .tokenMean

    @Option(help: .init("grpo: by how much distance from the model as it was counts. 0 needs no second model.", valueName: "x"))
    var klCoefficient = PolicyLoss.Options().klCoefficient

    @Option(help: .init("What a reward is compared with: mean or leave-one-out.", valueName: "name", visibility: .hidden))
    var baseline: Advantages.Baseline = .mean

    @Option(help: .init("What the difference is divided by: the deviation of the group or the batch, or none.", valueName: "name", visibility: .hidden))
    var scale: Advantages.Scale = .group

    @Option(help: .init("How many optimizer steps are taken on each rollout.", valueName: "n", visibility: .hidden))
    var updatesPerRollout = 1

    @Option(help: .init("How many answers are trained on at once.", valueName: "n", visibility: .hidden))
    var microbatch = 16

    @Flag(inversion: .prefixedNo, help: .init("Whether answers that reached the limit of tokens are kept out of the loss.", visibility: .hidden))
    var maskOverlong = false

    @Flag(inversion: .prefixedNo, help: .init("Whether groups whose rewards are all equal are trained on, too.", visibility: .hidden))
    var keepEqualGroups = false

    @Option(help: .init("Weigh tokens by how much likelier they are to the trainer than to the sampler, up to this.", valueName: "x", visibility: .hidden))
    var importanceCap: Double?

    @Flag(inversion: .prefixedNo, help: .init("Whether the next rollout is written while learning from this one.", visibility: .hidden))
    var async = false

    @Option(help: .init("After how many rollouts some answers are shown; 0 for never.", valueName: "n", visibility: .hidden))
    var showEvery = 10

    @OptionGroup(title: "Optimizer") var optimizerOptions: OptimizerArguments

    @OptionGroup(title: "Run") var runOptions: RunOptions

    func validate() throws {
        try modelOptions.validate(EngineUse(optimizer: optimizerOptions, readsModelHere: true))
        try runOptions.validate(modelOptions)
    }

    func run() async throws {
        let display = TrainingDisplay()
        var inputs = ["the model": modelOptions.model, "the recipe": recipe]
        for (name, paths) in [("the data", problemOptions.data), ("the held-out data", problemOptions.heldOut)] {
            try inputs.merge(RowOptions.inputs(name, paths)) { first, _ in first }
        }
        try runOptions.check(inputs: inputs)
        let rewards = try problemOptions.rewardOptions.rewards()
        async let started = runOptions.start(modelOptions, optimizerOptions)
        async let model = modelOptions.contents()
        let (problems, heldOut) = try problemOptions.open(seed: runOptions.seed)
        let engine = try await started
        let sampler = try await modelOptions.sampler(for: engine)
        let reference = klCoefficient == 0 ? nil : try await modelOptions.startReference()
        let config = try await engine.trainer.config()
        display.note("\(config.modelName) learns from \(rewards.map(\.name).joined(separator: ", "))")
        let samples = SampleTable(every: showEvery) { display.note($0) }
        let grpo = try GRPO(
            trainer: engine.trainer, sampler: sampler, reference: reference, loss: loss.function(lossOptions), problems: problems,
            heldOut: heldOut, rewards: rewards, tokenizer: try await engine.trainer.tokenizer(),
            directory: runOptions.directory, settings: modelOptions.settings(of: self), contents: try await model,
            options: options, observeRollout: samples.show
        ) { event in
            display.show(event, measured: { $0?.summary }, detail: Self.detail)
        }
        try await runOptions.conduct(engine, display) { try await grpo.run() }
    }

    private static func detail(_ step: TrainingStep) -> [String] {
        func rate(_ name: String, _ label: String) -> [String] { step.metrics[name].map { ["\(label) \(Int($0)) tokens/s"] } ?? [] }
        let divergence = step.metrics["reference_kl"] == nil ? "sampler_kl" : "reference_kl"
        return step.told("reward", 3) + step.told("accuracy", 2) + step.told(divergence, as: "KL", 4) + step.told("entropy", 2)
            + step.told("completion_length", as: "length", 1) + ["norm \(fixed(step.gradientNorm, 2))"]
            + rate("rollout_tokens_per_second", "write") + rate("training_tokens_per_second", "train")
    }

    private var lossOptions: PolicyLoss.Options {
        .init(
            clipLow: clipLow, clipHigh: clipHigh, normalization: normalization.tokens(most: samplingOptions.maxTokens),
            klCoefficient: klCoefficient)
    }

    private var options: GRPO.Options {
        GRPO.Options(
            steps: runOptions.steps, problemsPerRollout: problemsPerRollout, updatesPerRollout: updatesPerRollout,
            microbatch: microbatch,
            rollouts: Rollouts.Options(
                groupSize: groupSize, sampling: samplingOptions.options(seed: runOptions.seed), failures: onFailure),
            advantages: Advantages(baseline: baseline, scale: scale), masksOverlong: maskOverlong,
            keepsEqualGroups: keepEqualGroups, isAsynchronous: self.async, importanceCap: importanceCap,
            heldOutProblems: problemOptions.heldOutLimit, heldOutSamples: problemOptions.heldOutSamples,
            saveEvery: runOptions.saveEvery)
    }
}

enum Normalization: String, CaseIterable, ExpressibleByArgument {
    case tokenMean = "token-mean"
    case sequenceMean = "sequence-mean"
    case constant

    func tokens(most: Int) -> LossFunction.TokenNormalization {
        switch self {
        case .tokenMean: .tokenMean
        case .sequenceMean: .sequenceMean
        case .constant: .constant(maxTokens: most)
        }
    }
}

extension FailurePolicy: ExpressibleByArgument {}
extension Advantages.Baseline: ExpressibleByArgument {}
extension Advantages.Scale: ExpressibleByArgument {}

extension Accuracy {
    var summary: String {
        let (low, high) = (fixed(interval.lowerBound * 100, 1), fixed(interval.upperBound * 100, 1))
        let passed = samples > 1 ? ", pass@\(samples) \(fixed(pass(at: samples) * 100, 1)) %" : ""
        return "accuracy \(fixed(value * 100, 1)) % (\(low) to \(high) with 95 % confidence) on \(problems) problems\(passed)"
    }
}

extension GRPO.Report: PrintableReport {
    var json: [String: Any] {
        var object = end.json
        object["accuracyBefore"] = before?.value
        object["accuracyAfter"] = after?.value
        object["problems"] = after?.problems
        object["data"] = jsonObject(data)
        return object
    }

    var summary: String { end.summary(before: before?.summary, after: after?.summary) }
}

/// Shows some answers of a rollout now and then.
private final class SampleTable: Sendable {
    private let every: Int
    private let note: @Sendable (String) -> Void
    private let count = Mutex(0)

    init(every: Int, note: @escaping @Sendable (String) -> Void) { (self.every, self.note) = (every, note) }

    @Sendable func show(_ rollout: RolloutBatch, _ conversations: [[Conversation]]) {
        let number = count.withLock { count in
            count += 1
            return count
        }
        guard every > 0, (number - 1) % every == 0 else { return }
        let lines = zip(conversations, rollout.groups).prefix(4).compactMap { group, trajectories -> String? in
            guard let conversation = group.first, let trajectory = trajectories.first else { return nil }
            let question = column(conversation.problem.messages.last?.content ?? "", 44)
            return "  \(question)  \(fixed(trajectory.reward, 2))  \(column(conversation.reply, 60))"
        }
        note((["  " + column("problem", 44) + "  reward  answer"] + lines).joined(separator: "\n"))
    }

    /// A text cut or filled up to a width.
    private func column(_ text: String, _ width: Int) -> String {
        let line = text.replacingOccurrences(of: "\n", with: " ")
        return line.count > width ? line.prefix(width - 1) + "…" : line.padding(toLength: width, withPad: " ", startingAt: 0)
    }
}
