import Swage
public import SwageText

/// What happens in a training run, as it happens.
public enum TrainingEvent<Measurement: Sendable>: Sendable {
    /// What became of a file of data. A large one is told of before it was looked at, and again after.
    case data(DataReport)
    /// Rows of a large file of data were found to be of no use.
    case leftOut(DataReport.LeftOut, of: String)
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
    case measured(TrainingMoment, Measurement)
    case step(TrainingStep, of: Int)
    case saving(step: Int)

    /// What may be gone of steps.
    public enum Loss: Sendable { case checkpoints, metrics }
}

/// Before the first step of a run, or after the last.
public enum TrainingMoment: String, Sendable {
    case before, after
}

/// One step of a training run: a line of its metrics file.
public struct TrainingStep: Sendable, Equatable, Codable {
    /// The number of the step in its run, from 1 on.
    public var step: Int
    public var loss: Double
    public var learningRate: Double
    public var gradientNorm: Double
    /// The tokens that were read, padding not counted.
    public var tokens: Int
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
