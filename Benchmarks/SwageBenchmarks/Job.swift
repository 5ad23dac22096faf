/// What one line asks for; exactly one of its keys is there.
struct Job: Decodable {
    /// Sequences to take one optimizer step on, all of them one batch.
    var train: [Sequence]?
    /// Prompts to complete with 64 tokens each.
    var generate: [[Int32]]?
    /// A loss and the number of tokens whose gradients it gives, through the whole model.
    var loss: LossJob?
    /// The matrix products of a pass, with nothing between them.
    var products: Products?
    /// Reading memory, as fast as all threads can.
    var bandwidth: Bool?
    /// Where the time of all jobs so far has gone.
    var profile: Bool?
    /// What a loss costs before any work: `call` or `trace`.
    var lossCost: String?

    /// Problems to roll out in groups of 8, up to 64 tokens each, and to learn from by one step of GRPO.
    var grpo: [Question]?
    /// How the weights of a step come to a sampler: `shared`, or `apart` through a checkpoint.
    var handover: String?
    /// Completions to learn from by one step of GRPO, in this order: neighbours share what they begin with.
    var policy: [[Int32]]?

    struct Question: Decodable {
        let question: String
        let answer: String
    }

    struct Sequence: Decodable {
        let ids: [Int32]
        /// 1 for each token that the loss counts when it is predicted.
        let learned: [Float]
    }

    struct Products: Decodable {
        let tokens: Int
        /// For how many of them there are logits.
        let predicted: Int
        /// Whether there is a way back, and not forward alone.
        let backward: Bool
    }

    struct LossJob: Decodable {
        let name: String
        let tokens: Int
    }
}

struct Answer: Encodable {
    var seconds: Double
    var loss: Double?
    /// Bytes read, for `bandwidth` and `generate`; bytes of weights that were copied, for `handover`.
    var bytes: Int?
    var waiting: Double?
    /// How long the writing of a `grpo` took, and how many tokens it wrote.
    var rolloutSeconds: Double?
    var writtenTokens: Int?
    /// Seconds by phase.
    var phases: [String: Double]?
    var peakMemory = 0
}
