import Swage
public import SwageText

/// What happens in a training run, as it happens.
public enum TrainingEvent<Measurement: Sendable>: Sendable {
    /// What became of a file of data. A large one is told of before it was looked at, and again after.
    case data(DataReport)
    /// Rows of a large file of data were found to be of no use.
    case leftOut(DataReport.LeftOut, of: DataReport)
    /// An earlier run was removed; `left` is what stays in its folders, because others have put it there.
    case startedOver(left: [String])
    /// The run goes on from a checkpoint.
    case resumed(step: Int, checkpoint: String)
    /// A checkpoint is newer than the one that the run goes on from, and damaged.
    case passedOver(checkpoint: String, reason: String)
    /// Of steps that the run has taken before, something is gone. Without checkpoints it begins again.
    case lost(steps: Int, Loss)
    /// The model is being measured; `done` goes from 0 to 1.
    case measuring(TrainingMoment, done: Double)
    /// The model was measured, and this was found.
    case measured(TrainingMoment, Measurement)
    /// A step was taken, of so many in the run.
    case step(TrainingStep, of: Int)
    /// A checkpoint is about to be written, after the step of that number.
    case saving(step: Int)

    /// What may be gone of steps.
    public enum Loss: Sendable {
        /// All of their checkpoints: the steps are taken again.
        case checkpoints
        /// Their lines of the metrics file, and no more: what was learned is there.
        case metrics
    }
}

/// Before the first step of a run, or after the last.
public enum TrainingMoment: String, Sendable {
    /// Before the first.
    case before
    /// After the last.
    case after
}

/// One step of a training run: a line of its metrics file.
public struct TrainingStep: Sendable, Equatable, Codable {
    /// The number of the step in its run, from 1 on.
    public var step: Int
    /// The loss over all microbatches of the step, by the weights before it; 0 where there was nothing to learn.
    public var loss: Double
    /// The learning rate that the step used; 0 where there was nothing to learn.
    public var learningRate: Double
    /// The L2 norm of the step's gradient, before clipping; 0 where there was nothing to learn.
    public var gradientNorm: Double
    /// The tokens that were read, padding not counted.
    public var tokens: Int
    /// How long the step took, with what it had to wait for: its data, or a rollout.
    public var seconds = 0.0
    /// What the loss reports, and what else is worth watching, by name.
    public var metrics: [String: Double]

    /// - Parameters:
    ///   - results: of all microbatches of the step.
    ///   - others: what is worth watching beside that which the loss reports.
    init(_ taken: OptimStepResult, _ results: [ForwardBackwardResult], tokens: Int, adding others: [String: Double] = [:]) {
        let result = ForwardBackwardResult.combined(results)
        step = taken.step
        loss = result?.loss ?? 0
        learningRate = taken.learningRate
        gradientNorm = taken.gradientNorm
        self.tokens = tokens
        metrics = (result?.metrics ?? [:]).mapValues(\.value).merging(others) { own, _ in own }
    }

    /// A step in which there was nothing to learn. No weight has moved, and the trainer has not taken it.
    /// - Parameter trainerStep: the number of optimizer steps that the trainer has taken.
    init(idleAt trainerStep: Int, metrics: [String: Double]) {
        (step, loss, learningRate, gradientNorm, tokens) = (trainerStep, 0, 0, 0, 0)
        self.metrics = metrics
        self.metrics[Self.idleMetric] = 1
    }

    /// Whether there was nothing to learn.
    public var isIdle: Bool { metrics[Self.idleMetric] == 1 }

    private static let idleMetric = "idle"
}

/// How a training run came to its end.
public enum TrainingOutcome<Report: Sendable>: Sendable {
    /// The run has just come to its end: the model is trained, measured and exported.
    case finished(Report)
    /// The run had come to its end before.
    case alreadyFinished(Report)
    /// The task was cancelled. The run can go on from the checkpoint; nil if no step was taken yet.
    case interrupted(step: Int, checkpoint: String?)
}

/// What every finished run has to tell.
public struct TrainingEnd: Sendable, Equatable, Codable {
    /// Tokens of text, padding not counted, for each second of training steps.
    public var tokensPerSecond: Double
    /// How many steps the run has, those with nothing to learn among them.
    public var steps: Int
    /// How long the steps took.
    public var seconds: Double
    /// Where the last checkpoint lies.
    public var checkpoint: String
    /// Where the trained model lies, in Hugging Face's layout.
    public var exported: String
}

extension TrainingStep: Recorded {
    var fault: String? {
        Int.fault("\"step\"", step, least: 1) ?? Int.fault("\"tokens\"", tokens) ?? Double.fault(seconds: seconds)
            ?? Double.fault("\"loss\"", loss) ?? Double.fault("\"gradientNorm\"", gradientNorm, least: 0)
            ?? Double.fault("\"learningRate\"", learningRate)
    }
}

extension TrainingEnd: Recorded {
    var fault: String? {
        Int.fault("\"steps\"", steps, least: 1) ?? Double.fault(seconds: seconds)
            ?? Double.fault("\"tokensPerSecond\"", tokensPerSecond, least: 0)
    }
}
