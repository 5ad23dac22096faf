/// What ``Trainer/forwardBackward(_:loss:)`` returns about one microbatch.
public struct ForwardBackwardResult: Sendable, Equatable {
    /// The loss's sum over this microbatch, undivided.
    public let sum: Double
    /// What the sum is divided by. A step divides the sum of all sums by the sum of all denominators.
    public let denominator: Double
    /// What the loss reports, by name: perplexity, KL, entropy, token counts.
    public let metrics: [String: Metric]

    /// What is told of one microbatch, or of several together. A loss that reports nothing has no metrics.
    public init(sum: Double, denominator: Double, metrics: [String: Metric] = [:]) {
        (self.sum, self.denominator, self.metrics) = (sum, denominator, metrics)
    }

    /// The loss of this microbatch alone. For several see ``combined(_:)``.
    public var loss: Double { sum / denominator }
}

/// What ``Trainer/optimStep()`` returns.
public struct OptimStepResult: Sendable, Equatable {
    /// The number of optimizer steps taken, this one included.
    public let step: Int
    /// The learning rate that this step used.
    public let learningRate: Double
    /// How many microbatches went into this step.
    public let accumulatedMicrobatches: Int
    /// The global L2 norm of the normalized gradient, before clipping.
    public let gradientNorm: Double

    /// What an engine answers a step with, once it is taken.
    public init(step: Int, learningRate: Double, accumulatedMicrobatches: Int, gradientNorm: Double) {
        self.step = step
        self.learningRate = learningRate
        self.accumulatedMicrobatches = accumulatedMicrobatches
        self.gradientNorm = gradientNorm
    }
}

/// A checkpoint that ``Trainer/save(name:path:weightsOnly:)`` has written.
public struct SavedCheckpoint: Sendable, Equatable {
    /// Where it is.
    public let path: String

    /// - Parameter path: where the checkpoint is, as ``Trainer/load(_:)`` takes it.
    public init(path: String) { self.path = path }
}

/// A checkpoint that ``Trainer/load(_:)`` has restored.
public struct LoadedCheckpoint: Sendable, Equatable {
    /// Where it is.
    public let path: String
    /// The step at which the trainer goes on.
    public let step: Int
    /// Whether it held the weights and nothing else.
    public let weightsOnly: Bool

    /// What an engine answers with once everything is restored. With `weightsOnly` the step is 0.
    public init(path: String, step: Int, weightsOnly: Bool) {
        self.path = path
        self.step = step
        self.weightsOnly = weightsOnly
    }
}

/// What changes while a trainer works.
public struct TrainerStatus: Sendable, Equatable {
    /// The number of optimizer steps taken.
    public let step: Int
    /// How many microbatches have been accumulated since the last step.
    public let accumulatedMicrobatches: Int

    /// What an engine answers with; both numbers of a new trainer are 0.
    public init(step: Int, accumulatedMicrobatches: Int) {
        self.step = step
        self.accumulatedMicrobatches = accumulatedMicrobatches
    }
}
