import Swage

/// One completion while it grows.
struct GrowingCompletion {
    private(set) var tokens: [Int32] = []
    private(set) var finishReason: Completion.FinishReason?
    private var logProbs: [Float] = []
    private var text = ""
    private var decoder: StreamingDecoder?
    private var generator: SeededGenerator
    private let options: SamplingOptions
    private let endOfSequenceIDs: [Int32]
    private let weightsVersion: Int

    /// - Parameter stream: the stream of the options' seed from which the completion's tokens are drawn.
    init(stream: UInt64, options: SamplingOptions, tokenizer: (any Tokenizer)?, weightsVersion: Int) {
        self.options = options
        self.weightsVersion = weightsVersion
        decoder = options.stopStrings.isEmpty ? nil : tokenizer.map(StreamingDecoder.init)
        generator = SeededGenerator(seed: options.seed, stream: stream &+ 1)
        endOfSequenceIDs = tokenizer?.endOfSequenceIDs ?? []
    }

    /// Draws the next token, and says what the generator is after that.
    func choose(from logits: UnsafeBufferPointer<Float>) throws -> (choice: TokenChoice, generator: SeededGenerator) {
        var generator = generator
        return (try TokenChoice(logits, options: options, using: &generator), generator)
    }

    mutating func append(_ drawn: (choice: TokenChoice, generator: SeededGenerator)) throws -> Int32 {
        let choice = drawn.choice
        generator = drawn.generator
        tokens.append(choice.token)
        logProbs.append(choice.logProb)
        if endOfSequenceIDs.contains(choice.token) {
            finishReason = .endOfSequence
        } else {
            text += try decoder?.append(choice.token) ?? ""
            if options.stopStrings.contains(where: { text.contains($0) }) {
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
