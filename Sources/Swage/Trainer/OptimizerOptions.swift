/// How parameters follow their gradients: AdamW with decoupled weight decay (Loshchilov and Hutter, 2019) and
/// clipping by the global norm.
public struct OptimizerOptions: Sendable, Equatable, Codable {
    /// The peak learning rate.
    public var learningRate: Double
    /// The decay of the mean of the gradients.
    public var beta1: Double
    /// The decay of the mean of the squared gradients.
    public var beta2: Double
    /// Added to the denominator of the update.
    public var epsilon: Double
    /// Decoupled weight decay; norms and biases are exempt.
    public var weightDecay: Double
    /// The global L2 norm to which gradients are clipped; nil means never.
    public var maxGradientNorm: Double?
    /// How the learning rate changes from step to step.
    public var schedule: LearningRateSchedule

    /// By default a constant learning rate of 1e-5 without weight decay, and gradients clipped to a norm of 1. Nothing is
    /// checked here: ``validate()`` does that.
    public init(
        learningRate: Double = 1e-5, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0, maxGradientNorm: Double? = 1, schedule: LearningRateSchedule = .constant
    ) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.maxGradientNorm = maxGradientNorm
        self.schedule = schedule
    }

    /// The learning rate of the step that follows `step` finished ones.
    public func learningRate(afterSteps step: Int) -> Double {
        learningRate * schedule.factor(afterSteps: step)
    }

    /// - Throws: ``TrainerError`` with code `invalidOption` for a value that no training could use.
    public func validate() throws {
        try check(learningRate >= 0 && learningRate.isFinite, "learningRate", learningRate, "a finite number, 0 or more")
        try check(beta1 >= 0 && beta1 < 1, "beta1", beta1, "a number in 0..<1")
        try check(beta2 >= 0 && beta2 < 1, "beta2", beta2, "a number in 0..<1")
        try check(isFloat32(epsilon), "epsilon", epsilon, "a positive number that float32 holds")
        try check(weightDecay >= 0 && weightDecay.isFinite, "weightDecay", weightDecay, "a finite number, 0 or more")
        if let norm = maxGradientNorm {
            try check(isFloat32(norm), "maxGradientNorm", norm, "a positive number that float32 holds, or none for no clipping")
        }
        try schedule.validate()
    }

    /// Smaller ones are 0 to most engines, and larger ones infinite.
    private func isFloat32(_ value: Double) -> Bool {
        (Double(Float.leastNormalMagnitude)...Double(Float.greatestFiniteMagnitude)).contains(value)
    }

    private func check(_ fits: Bool, _ name: String, _ value: Double, _ expected: String) throws {
        guard fits else { throw TrainerError(.invalidOption, "\(name) is \(value)", expected: expected) }
    }
}

/// How the learning rate changes with the step, as a factor of the peak.
public struct LearningRateSchedule: Sendable, Equatable, Codable {
    /// What becomes of the learning rate after the warm-up.
    public enum Shape: String, Sendable, Codable, CaseIterable {
        /// The peak, after warm-up.
        case constant
        /// A straight line from the peak to 0.
        case linear
        /// Half a cosine from the peak to 0 (Loshchilov and Hutter, 2017).
        case cosine
    }

    /// How the rate goes on from the peak.
    public var shape: Shape
    /// Over how many steps the rate rises to the peak. The first step of n uses 1/n of it.
    public var warmupSteps: Int
    /// At which step `linear` and `cosine` reach 0. `constant` does not read it.
    public var totalSteps: Int

    /// By default there is no warm-up. `linear` and `cosine` need more `totalSteps` than `warmupSteps`, which
    /// ``OptimizerOptions/validate()`` checks.
    public init(_ shape: Shape, warmupSteps: Int = 0, totalSteps: Int = 0) {
        self.shape = shape
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
    }

    /// More steps than any training takes, and few enough for all arithmetic.
    private static let mostSteps = 1 << 53

    /// The peak from the first step on.
    public static let constant = LearningRateSchedule(.constant)

    /// The factor of the step that follows `step` finished ones.
    public func factor(afterSteps step: Int) -> Double {
        if step < warmupSteps { return Double(step + 1) / Double(warmupSteps) }
        let progress = min(1, Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps)))
        switch shape {
        case .constant: return 1
        case .linear: return 1 - progress
        case .cosine: return (1 + cosine(.pi * progress)) / 2
        }
    }

    func validate() throws {
        for (name, value) in [("warmupSteps", warmupSteps)] + (shape == .constant ? [] : [("totalSteps", totalSteps)]) {
            guard (0...Self.mostSteps).contains(value) else {
                throw TrainerError(.invalidOption, "\(name) is \(value)", expected: "0 to \(Self.mostSteps)")
            }
        }
        guard shape == .constant || totalSteps > warmupSteps else {
            throw TrainerError(
                .invalidOption, "a \(shape.rawValue) schedule has totalSteps \(totalSteps)",
                expected: "more than its \(warmupSteps) warm-up steps")
        }
    }
}
