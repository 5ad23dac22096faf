#if Engines
import Swage

extension Swage_V1_OptimizerOptions {
    init(_ options: OptimizerOptions) {
        self.init()
        learningRate = options.learningRate
        (beta1, beta2, epsilon) = (options.beta1, options.beta2, options.epsilon)
        weightDecay = options.weightDecay
        if let largest = options.maxGradientNorm { maxGradientNorm = largest }
        schedule = options.schedule.shape.rawValue
        (warmupSteps, totalSteps) = (Int64(options.schedule.warmupSteps), Int64(options.schedule.totalSteps))
    }
}

extension Swage_V1_OptimStepRequest {
    /// - Throws: ``TrainerError`` with code `invalidOption` for a schedule that is none. The other values are for the trainer to check.
    func optimizerOptions() throws -> OptimizerOptions? {
        guard hasOptimizer else { return nil }
        guard let shape = LearningRateSchedule.Shape(rawValue: optimizer.schedule) else {
            throw TrainerError(
                .invalidOption, "the schedule is \"\(optimizer.schedule)\"",
                expected: LearningRateSchedule.Shape.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return OptimizerOptions(
            learningRate: optimizer.learningRate, beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon,
            weightDecay: optimizer.weightDecay, maxGradientNorm: optimizer.hasMaxGradientNorm ? optimizer.maxGradientNorm : nil,
            schedule: LearningRateSchedule(
                shape, warmupSteps: Int(clamping: optimizer.warmupSteps), totalSteps: Int(clamping: optimizer.totalSteps)))
    }
}
#endif
