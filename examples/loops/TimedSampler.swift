import Swage

/// The sampler beside it. Whoever wraps a trainer that writes wraps the pair: recipes and servers take both.
public struct TimedSampler: Sampler {
    private let sampler: any Sampler
    private let times: CallTimes

    public init(_ sampler: any Sampler, times: CallTimes) { (self.sampler, self.times) = (sampler, times) }

    public var sharesWeights: Bool { sampler.sharesWeights }
    public func updateWeights(from checkpoint: String, version: Int) async throws {
        try await times.measure("updateWeights") { try await sampler.updateWeights(from: checkpoint, version: version) }
    }
    public func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) async throws -> [Completion] {
        try await times.measure("generate") { try await sampler.generate(prompts, options: options, onToken: onToken) }
    }
}
