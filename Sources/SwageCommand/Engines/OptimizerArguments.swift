public import ArgumentParser
import Swage

/// How parameters follow their gradients, for every command that trains.
struct OptimizerArguments: ParsableArguments {
    @Option(help: .init("The peak learning rate. Default: 1e-5.", valueName: "x"))
    var learningRate: Double?

    @Option(help: .init("The learning rate after warm-up. Default: cosine.", valueName: "name"))
    var schedule: LearningRateSchedule.Shape?

    @Option(help: .init("Steps in which the rate rises. Default: 0.", valueName: "n"))
    var warmupSteps: Int?

    @Option(help: .init("Decoupled, of matrices alone. Default: 0.", valueName: "x"))
    var weightDecay: Double?

    @Option(help: .init("AdamW's decay of the mean of the gradients. Default: 0.9.", valueName: "x", visibility: .hidden))
    var beta1: Double?

    @Option(help: .init("AdamW's decay of the mean of their squares. Default: 0.999.", valueName: "x", visibility: .hidden))
    var beta2: Double?

    @Option(help: .init("AdamW's epsilon. Default: 1e-8.", valueName: "x", visibility: .hidden))
    var epsilon: Double?

    @Option(help: .init("Clips gradients to a norm; 0 never. Default: 1.", valueName: "x"))
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
