#if Engines
public import Swage

/// Lets the model of a trainer in another process write, with that trainer's weights as they are.
public struct RemoteSampler: Sampler {
    private let trainer: RemoteTrainer
    private let endOfSequenceIDs: [Int32]

    /// - Parameter endOfSequenceIDs: the tokens that end a completion, where the trainer does not know of them.
    package init(_ trainer: RemoteTrainer, endOfSequenceIDs: [Int32] = []) {
        (self.trainer, self.endOfSequenceIDs) = (trainer, endOfSequenceIDs)
    }

    public var sharesWeights: Bool { true }

    public func updateWeights(from checkpoint: String, version: Int) async throws {}

    public func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) async throws -> [Completion] {
        try options.validate(promptCount: prompts.count)
        var options = options
        options.endOfSequenceIDs += endOfSequenceIDs
        let completions = try await trainer.generate(prompts, options: options, onToken: onToken)
        try Self.check(completions, beginWith: options.firstTokens)
        return completions
    }

    /// Trainers that do not know of ``Swage/SamplingOptions/firstTokens`` begin with any.
    private static func check(_ completions: [Completion], beginWith firstTokens: [Int32]?) throws {
        guard let allowed = firstTokens.map(Set.init) else { return }
        for (index, completion) in completions.enumerated() {
            guard let first = completion.tokens.first, !allowed.contains(first) else { continue }
            throw TrainerError(
                .unsupported, "the trainer began completion \(index) with the token \(first)",
                expected: "one of the \(allowed.count) firstTokens, of which it seems not to know")
        }
    }
}
#endif
