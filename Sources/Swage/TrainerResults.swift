/// What ``Trainer/forwardBackward(_:loss:)`` returns about one microbatch.
public struct ForwardBackwardResult: Sendable, Equatable {
    /// The loss of this microbatch: its sum divided by its denominator.
    public let loss: Double
    /// What the loss reports, by name: perplexity, KL, entropy, token counts.
    public let metrics: [String: Double]

    public init(loss: Double, metrics: [String: Double]) {
        self.loss = loss
        self.metrics = metrics
    }
}

/// What ``Trainer/optimStep()`` returns.
public struct OptimStepResult: Sendable, Equatable {
    /// The number of optimizer steps taken, this one included.
    public let step: Int
    /// The learning rate that this step used.
    public let learningRate: Double
    /// How many microbatches went into this step.
    public let accumulatedMicrobatches: Int
    /// The global L2 norm of the normalised gradient, before clipping.
    public let gradientNorm: Double

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

    public init(step: Int, accumulatedMicrobatches: Int) {
        self.step = step
        self.accumulatedMicrobatches = accumulatedMicrobatches
    }
}
