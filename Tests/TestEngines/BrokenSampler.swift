import Swage

/// A sampler that is wrong in a corner, to show that the conformance suite notices.
package struct BrokenSampler: Sampler {
    let inner: any Sampler
    let flaw: BrokenTrainer.Flaw
    /// A seed of each call's own.
    private let calls = SeedOfCall()

    package init(_ inner: any Sampler, flaw: BrokenTrainer.Flaw) { (self.inner, self.flaw) = (inner, flaw) }

    package var sharesWeights: Bool { inner.sharesWeights }

    package func generate(
        _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
    ) async throws -> [Completion] {
        var options = options
        switch flaw {
        case .otherTokensOfOneSeed: options.seed = await calls.next()
        case .unlikelyTokensAtTemperature0 where options.temperature == 0: options.temperature = 50
        case .firstTokensIgnored: options.firstTokens = nil
        case .endTokensIgnored: options.endOfSequenceIDs = []
        case .lengthIgnored: options.maxTokens += 1
        default: break
        }
        return try await inner.generate(prompts, options: options, onToken: onToken).map { completion in
            var completion = completion
            if flaw == .logProbsOfAnotherTemperature { completion.logProbs = completion.logProbs.map { $0 / 1.01 } }
            if flaw == .oldWeightsNamed { completion.weightsVersion -= 1 }
            return completion
        }
    }

    package func updateWeights(from checkpoint: String, version: Int) async throws {
        try await inner.updateWeights(from: checkpoint, version: version)
    }
}

private actor SeedOfCall {
    private var last: UInt64 = 0

    func next() -> UInt64 {
        last += 1
        return last
    }
}
