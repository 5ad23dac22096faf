/// An engine that lets a model write, seen from an application.
public protocol Sampler: Sendable {
    /// Completes every prompt.
    ///
    /// - Parameters:
    ///   - prompts: the token ids of each prompt, none of them empty.
    ///   - options: how tokens are chosen and when a completion ends.
    ///   - onToken: called with the prompt's index and each token as it is chosen, in order for each prompt.
    /// - Returns: one completion for each prompt, in the prompts' order.
    /// - Throws: ``TrainerError`` with code `tokenOutOfRange`, `invalidBatch` or `invalidOption`.
    func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) async throws -> [Completion]

    /// Whether it writes with the weights of a trainer, as they are at each call.
    var sharesWeights: Bool { get }

    /// Takes over the weights of a checkpoint, whose files it can read. One that shares its weights has nothing to take over.
    /// - Parameters:
    ///   - checkpoint: where the checkpoint lies, as ``SavedCheckpoint/path`` says.
    ///   - version: what completions name as their `weightsVersion` from now on.
    /// - Throws: ``TrainerError`` as ``Trainer/load(_:)`` does, or with code `unsupported`.
    func updateWeights(from checkpoint: String, version: Int) async throws
}

extension Sampler {
    /// Completes every prompt.
    public func generate(_ prompts: [[Int32]], options: SamplingOptions = .init()) async throws -> [Completion] {
        try await generate(prompts, options: options, onToken: nil)
    }
}

/// How tokens are chosen, and when a completion ends.
public struct SamplingOptions: Sendable, Equatable {
    /// The most tokens a completion may have.
    public var maxTokens: Int
    /// Divides the logits; 0 always takes the likeliest token.
    public var temperature: Double
    /// Only the k likeliest tokens are drawn from; nil means all.
    public var topK: Int?
    /// Only the likeliest tokens that together reach this probability are drawn from (Holtzman et al., 2020).
    public var topP: Double
    /// Each prompt draws from its own stream of this seed, whatever other prompts there are.
    public var seed: UInt64
    /// The stream of each prompt; nil for its index. The same seed, stream and prompt give the same completion.
    public var streams: [UInt64]?
    /// Texts that end a completion, special tokens among them. The tokens that spell them stay in it; its text ends before
    /// them (``Tokenizer/text(of:stopStrings:after:)``).
    public var stopStrings: [String]
    /// How many completions are written at once. Where one ends, the next prompt takes its place.
    public var concurrency: Int
    /// Tokens that end a completion, beside those that the model's tokenizer knows of.
    public var endOfSequenceIDs: [Int32]
    /// The tokens that completions may begin with, such as those that spell what a prompt has begun; nil means all.
    public var firstTokens: [Int32]?

    /// By default completions have up to 128 tokens, drawn from all of the model's distribution at temperature 1, and end where the
    /// model ends them. Nothing is checked here: ``validate(promptCount:)`` does that.
    public init(
        maxTokens: Int = 128, temperature: Double = 1, topK: Int? = nil, topP: Double = 1, seed: UInt64 = 0,
        streams: [UInt64]? = nil, stopStrings: [String] = [], concurrency: Int = 64, endOfSequenceIDs: [Int32] = [], firstTokens: [Int32]? = nil
    ) {
        self.maxTokens = maxTokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
        self.streams = streams
        self.stopStrings = stopStrings
        self.concurrency = concurrency
        self.endOfSequenceIDs = endOfSequenceIDs
        self.firstTokens = firstTokens
    }

    /// All of them are looked for at every token.
    private static let mostStops = 1024
    private static let mostStopBytes = 1 << 16
    private static let mostFirstTokens = 1 << 20

    /// The likeliest token, always.
    public static func greedy(maxTokens: Int = 128) -> SamplingOptions {
        SamplingOptions(maxTokens: maxTokens, temperature: 0)
    }

    /// The stream from which the completion of the prompt at `index` is drawn.
    public func stream(of index: Int) -> UInt64 { streams?[index] ?? UInt64(index) }

    /// - Throws: ``TrainerError`` with code `invalidOption`.
    public func validate(promptCount: Int) throws {
        func check(_ fits: Bool, _ found: String, _ expected: String) throws {
            guard fits else { throw TrainerError(.invalidOption, found, expected: expected) }
        }
        try check(maxTokens > 0, "maxTokens is \(maxTokens)", "1 or more")
        try check(temperature >= 0 && temperature.isFinite, "temperature is \(temperature)", "a finite number, 0 or more")
        try check(topK ?? 1 > 0, "topK is \(topK ?? 0)", "1 or more, or nil for all tokens")
        try check(topP > 0 && topP <= 1, "topP is \(topP)", "a number above 0, at most 1")
        try check(stopStrings.count <= Self.mostStops, "there are \(stopStrings.count) stop strings", "at most \(Self.mostStops)")
        try check(
            endOfSequenceIDs.count <= Self.mostStops, "there are \(endOfSequenceIDs.count) endOfSequenceIDs",
            "at most \(Self.mostStops)")
        try check(!stopStrings.contains(""), "a stop string is empty", "at least one character")
        if let count = firstTokens?.count {
            try check(1...Self.mostFirstTokens ~= count, "there are \(count) firstTokens", "1 to \(Self.mostFirstTokens), or nil for all tokens")
        }
        let stopBytes = stopStrings.reduce(0) { $0 + $1.utf8.count }
        try check(
            stopBytes <= Self.mostStopBytes, "the stop strings have \(stopBytes) bytes together", "at most \(Self.mostStopBytes)")
        try check(concurrency > 0, "concurrency is \(concurrency)", "1 or more")
        try check(
            streams?.count ?? promptCount == promptCount, "there are \(streams?.count ?? 0) streams",
            "\(promptCount), one a prompt")
    }
}

/// What a model wrote after one prompt.
public struct Completion: Sendable, Equatable {
    /// Why a completion has ended. If a token is reason for several, the first of them counts, in this order.
    public enum FinishReason: String, Sendable, Codable {
        /// The model ended its turn or its text; that token is the last one.
        case endOfSequence
        /// A stop string appeared.
        case stopString
        /// `maxTokens` was reached.
        case length
    }

    /// The ids that the model wrote, in order, without the prompt. What ended the completion is among them: the end-of-sequence
    /// token, or the tokens that spell the stop string.
    public var tokens: [Int32]
    /// The model's log-probability of each token, at temperature 1 and over the whole vocabulary, as a trainer of
    /// the same weights gives it.
    public var logProbs: [Float]
    /// Why it ended; where that is `length`, the model might have gone on.
    public var finishReason: FinishReason
    /// The step of the trainer whose weights wrote it.
    public var weightsVersion: Int

    /// `logProbs` has an entry for each token, which is not checked here. By default the weights are those before the first step.
    public init(tokens: [Int32], logProbs: [Float], finishReason: FinishReason, weightsVersion: Int = 0) {
        self.tokens = tokens
        self.logProbs = logProbs
        self.finishReason = finishReason
        self.weightsVersion = weightsVersion
    }
}
