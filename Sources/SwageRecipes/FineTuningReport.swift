/// What came out of a fine-tuning run.
public struct FineTuningReport: Sendable, Equatable, Codable {
    public var heldOutBefore: Evaluation.Result?
    public var heldOutAfter: Evaluation.Result?
    public var prompt: String?
    public var replyBefore: String?
    public var replyAfter: String?
    /// Tokens of text, padding not counted, for each second of training steps.
    public var tokensPerSecond: Double
    public var steps: Int
    /// Where the last checkpoint lies.
    public var checkpoint: String
    /// Where the trained model lies, in Hugging Face's layout.
    public var exported: String
}

/// What happens in a fine-tuning run, as it happens.
public enum FineTuningEvent: Sendable {
    public enum Moment: String, Sendable {
        case before, after
    }

    public struct Step: Sendable {
        public var step: Int
        public var steps: Int
        public var loss: Double
        public var learningRate: Double
        public var gradientNorm: Double
        public var tokens: Int
        public var seconds: Double
    }

    /// The run goes on from a checkpoint.
    case resumed(step: Int, checkpoint: String)
    /// The held-out loss is being measured; `done` goes from 0 to 1.
    case measuring(Moment, done: Double)
    case measured(Moment, Evaluation.Result)
    case step(Step)
    case saving(step: Int)
}
