import Swage

/// One completion while it grows.
struct GrowingCompletion {
    private(set) var tokens: [Int32] = []
    private(set) var finishReason: Completion.FinishReason?
    private var logProbs: [Float] = []
    /// Nil where no stop string can come.
    private var text: CompletionText?
    private var generator: SeededGenerator
    private let options: SamplingOptions
    private let endOfSequenceIDs: [Int32]
    private let stopIDs: Set<Int32>
    private let weightsVersion: Int

    /// - Parameters:
    ///   - stream: the stream of the options' seed from which the completion's tokens are drawn.
    ///   - stopIDs: the special tokens among the stop strings.
    init(
        stream: UInt64, options: SamplingOptions, tokenizer: (any Tokenizer)?, stopIDs: Set<Int32>, weightsVersion: Int
    ) {
        self.options = options
        self.weightsVersion = weightsVersion
        self.stopIDs = stopIDs
        text = options.stopStrings.isEmpty ? nil : tokenizer.map { CompletionText($0, stopStrings: options.stopStrings) }
        generator = SeededGenerator(seed: options.seed, stream: stream &+ 1)
        endOfSequenceIDs = options.endOfSequenceIDs + (tokenizer?.endOfSequenceIDs ?? [])
    }

    /// Draws the next token, and says what the generator is after that.
    func choose(from logits: UnsafeBufferPointer<Float>) throws -> (choice: TokenChoice, generator: SeededGenerator) {
        var generator = generator
        let allowed = tokens.isEmpty ? options.firstTokens : nil
        return (try TokenChoice(logits, among: allowed, options: options, using: &generator), generator)
    }

    mutating func append(_ drawn: (choice: TokenChoice, generator: SeededGenerator)) throws -> Int32 {
        let choice = drawn.choice
        generator = drawn.generator
        tokens.append(choice.token)
        logProbs.append(choice.logProb)
        if endOfSequenceIDs.contains(choice.token) {
            finishReason = .endOfSequence
        } else {
            _ = try text?.append(choice.token)
            if text?.isStopped ?? false || stopIDs.contains(choice.token) {
                finishReason = .stopString
            } else if tokens.count == options.maxTokens {
                finishReason = .length
            }
        }
        return choice.token
    }

    func completion() -> Completion {
        Completion(
            tokens: tokens, logProbs: logProbs, finishReason: finishReason ?? .length, weightsVersion: weightsVersion)
    }
}
