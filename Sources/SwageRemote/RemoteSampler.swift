#if Engines
import Swage

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
        return try await trainer.generate(prompts, options: options, onToken: onToken)
    }
}
#endif
