public import Swage

/// A conversation as the tokens that a model read and wrote, and what it was worth.
public struct Trajectory: Sendable, Equatable, Codable {
    /// All tokens, from the first of the prompt on.
    public internal(set) var tokens: [Int32]
    /// For each token, whether the model wrote it.
    public internal(set) var isWritten: [Bool]
    /// For each token that the model wrote, the sampler's log-probability of it; 0 for the others.
    public internal(set) var samplerLogProbs: [Float]
    /// How the model's last reply ended.
    public internal(set) var finishReason = Completion.FinishReason.length
    /// The step of the trainer whose weights wrote the last reply.
    public internal(set) var weightsVersion = 0
    /// The scores by the names of their rewards.
    public internal(set) var scores: [String: Double] = [:]
    /// The weighted sum of the scores.
    public internal(set) var reward = 0.0
    /// For each token, the reference model's log-probability of it, where there is a reference.
    var referenceLogProbs: [Float]?
    /// For each token, the trainer's own log-probability of it before the first update, where that is asked for.
    var trainerLogProbs: [Float]?

    /// A prompt, and what a model wrote after it: what ``PolicyBatch`` makes a batch of.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for a prompt without tokens, or a completion whose tokens and
    ///   log-probabilities are not as many.
    public init(prompt: [Int32], completion: Completion, reward: Double = 0) throws {
        guard !prompt.isEmpty else { throw TrainerError(.invalidData, "a prompt is empty", expected: "one token or more") }
        guard completion.logProbs.count == completion.tokens.count else {
            throw TrainerError(
                .invalidData, "a completion of \(completion.tokens.count) tokens has \(completion.logProbs.count) log-probabilities",
                expected: "one a token")
        }
        self.init(prompt: prompt)
        append(completion)
        self.reward = reward
    }

    init(prompt: [Int32]) {
        tokens = prompt
        isWritten = prompt.map { _ in false }
        samplerLogProbs = prompt.map { _ in 0 }
    }

    /// How many tokens the model wrote.
    public var writtenCount: Int { isWritten.reduce(0) { $0 + ($1 ? 1 : 0) } }

    mutating func append(_ completion: Completion) {
        tokens += completion.tokens
        isWritten += completion.tokens.map { _ in true }
        samplerLogProbs += completion.logProbs
        finishReason = completion.finishReason
        weightsVersion = completion.weightsVersion
    }

    /// Appends what the model only reads.
    mutating func append(read: some Collection<Int32>) {
        tokens += read
        isWritten += read.map { _ in false }
        samplerLogProbs += read.map { _ in 0 }
    }
}

/// Conversations about several problems, a group for each, and what it took to have them.
public struct RolloutBatch: Sendable, Equatable, Codable {
    /// The conversations about each problem, without those that were dropped.
    public internal(set) var groups: [[Trajectory]]
    /// Why conversations were dropped, in words, one for each of them.
    public internal(set) var failures: [String]
    /// The seconds that the sampler wrote.
    public internal(set) var writingSeconds: Double
    /// The seconds that rewards and environments took.
    public internal(set) var scoringSeconds: Double

    /// All conversations, one group after another.
    public var trajectories: [Trajectory] { groups.flatMap { $0 } }
}

extension Trajectory: Recorded {
    var fault: String? {
        let numbers = [samplerLogProbs, referenceLogProbs, trainerLogProbs].compactMap { $0 }
        guard tokens.count > 1, isWritten.count == tokens.count, numbers.allSatisfy({ $0.count == tokens.count }) else {
            return "a conversation of \(tokens.count) tokens has other counts of what belongs to them"
        }
        if let odd = tokens.first(where: { $0 < 0 }) { return "a token is \(odd)" }
        if let odd = numbers.joined().first(where: { !$0.isFinite }) { return "a log-probability is \(odd)" }
        return Int.fault("\"weightsVersion\"", weightsVersion) ?? Double.fault("\"reward\"", reward)
            ?? scores.values.lazy.compactMap { Double.fault("a score", $0) }.first
    }
}

extension RolloutBatch: Recorded {
    var fault: String? {
        Double.fault(seconds: writingSeconds) ?? Double.fault(seconds: scoringSeconds)
            ?? trajectories.lazy.compactMap(\.fault).first
    }
}
