public import ArgumentParser
import Swage

/// How parameters follow their gradients, for every command that trains.
struct OptimizerArguments: ParsableArguments {
    @Option(help: "The peak learning rate. Default: 1e-5.")
    var learningRate: Double?

    @Option(help: "How the learning rate goes on after warm-up: constant, linear or cosine. Default: cosine.")
    var schedule: LearningRateSchedule.Shape?

    @Option(help: "Over how many steps the learning rate rises. Default: 0.")
    var warmupSteps: Int?

    @Option(help: "Decoupled weight decay; norms and biases are exempt. Default: 0.")
    var weightDecay: Double?

    @Option(help: "AdamW's decay of the mean of the gradients. Default: 0.9.")
    var beta1: Double?

    @Option(help: "AdamW's decay of the mean of their squares. Default: 0.999.")
    var beta2: Double?

    @Option(help: "AdamW's epsilon. Default: 1e-8.")
    var epsilon: Double?

    @Option(help: "The global norm to which gradients are clipped; 0 for never. Default: 1.")
    var maxGradientNorm: Double?

    /// - Parameter totalSteps: the step at which a schedule ends.
    func options(totalSteps: Int) -> OptimizerOptions {
        OptimizerOptions(
            learningRate: learningRate ?? 1e-5, beta1: beta1 ?? 0.9, beta2: beta2 ?? 0.999, epsilon: epsilon ?? 1e-8,
            weightDecay: weightDecay ?? 0, maxGradientNorm: maxGradientNorm == 0 ? nil : maxGradientNorm ?? 1,
            schedule: LearningRateSchedule(schedule ?? .cosine, warmupSteps: warmupSteps ?? 0, totalSteps: totalSteps))
    }

    /// The values that count, by the names of their options.
    var resolved: [String: String] {
        let options = options(totalSteps: 0)
        return [
            "learning-rate": "\(options.learningRate)", "schedule": options.schedule.shape.rawValue,
            "warmup-steps": "\(options.schedule.warmupSteps)", "weight-decay": "\(options.weightDecay)",
            "beta1": "\(options.beta1)", "beta2": "\(options.beta2)", "epsilon": "\(options.epsilon)",
            "max-gradient-norm": "\(options.maxGradientNorm ?? 0)",
        ]
    }

    /// The names of all of them.
    static let names = [
        "learning-rate", "schedule", "warmup-steps", "weight-decay", "beta1", "beta2", "epsilon", "max-gradient-norm",
    ]

    /// The names of the options that were given.
    var given: [String] {
        let values: [Any?] = [learningRate, schedule, warmupSteps, weightDecay, beta1, beta2, epsilon, maxGradientNorm]
        return zip(Self.names, values).filter { $0.1 != nil }.map(\.0)
    }
}

extension LearningRateSchedule.Shape: ExpressibleByArgument {}
