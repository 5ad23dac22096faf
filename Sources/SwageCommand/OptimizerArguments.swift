import ArgumentParser
import Swage

/// How parameters follow their gradients, for every command that trains.
struct OptimizerArguments: ParsableArguments {
    @Option(help: "The peak learning rate.")
    var learningRate = 1e-5

    @Option(help: "How the learning rate goes on after warm-up: constant, linear or cosine.")
    var schedule: LearningRateSchedule.Shape = .cosine

    @Option(help: "Over how many steps the learning rate rises.")
    var warmupSteps = 0

    @Option(help: "Decoupled weight decay; norms and biases are exempt.")
    var weightDecay = 0.0

    @Option(help: "AdamW's decay of the mean of the gradients.")
    var beta1 = 0.9

    @Option(help: "AdamW's decay of the mean of their squares.")
    var beta2 = 0.999

    @Option(help: "AdamW's epsilon.")
    var epsilon = 1e-8

    @Option(help: "The global norm to which gradients are clipped; 0 for never.")
    var maxGradientNorm = 1.0

    /// - Parameter totalSteps: the step at which a schedule ends.
    func options(totalSteps: Int) -> OptimizerOptions {
        OptimizerOptions(
            learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
            maxGradientNorm: maxGradientNorm == 0 ? nil : maxGradientNorm,
            schedule: LearningRateSchedule(schedule, warmupSteps: warmupSteps, totalSteps: totalSteps))
    }
}

extension LearningRateSchedule.Shape: ExpressibleByArgument {}
