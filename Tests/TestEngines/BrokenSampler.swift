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
        case .temperatureSquared: options.temperature *= options.temperature
        case .topKIgnoredWithTopP where options.topP < 1 && options.topP > 0: options.topK = options.topK.map { max($0, $0 << 40) }
        case .topPIgnoredWithTopK where options.topK != nil && options.topP > 0 && options.topP <= 1: options.topP = 1
        case .seedOfTheBatch: options.seed &+= UInt64(prompts.count)
        case .seedOfTheConcurrency: options.seed &+= UInt64(max(0, options.concurrency))
        case .seedOf32Bits: options.seed &= 0xFFFF_FFFF
        case .streamOfTheIndex: options.streams = nil
        case .streamOf32Bits: options.streams = options.streams?.map { $0 & 0xFFFF_FFFF }
        case .stopStringsIgnored where !options.stopStrings.contains(""): options.stopStrings = []
        case .atMost8Tokens: options.maxTokens = min(8, options.maxTokens)
        case .oneEndTokenAlone: options.endOfSequenceIDs = Array(options.endOfSequenceIDs.prefix(1))
        case .oneFirstTokenAlone where options.temperature == 0: options.firstTokens = options.firstTokens.map { Array($0.prefix(1)) }
        default: break
        }
        var prompts = prompts
        if flaw == .promptCutTo8 { prompts = prompts.map { $0.suffix(8) } }
        if flaw == .emptyPromptsTaken { prompts = prompts.map { $0.isEmpty ? [1] : $0 } }
        return try await inner.generate(prompts, options: options, onToken: told(onToken)).map { [options] completion in
            var completion = completion
            if flaw == .logProbsOfAnotherTemperature { completion.logProbs = completion.logProbs.map { $0 / 1.01 } }
            if flaw == .logProbsAtTheTemperature, options.temperature > 0 {
                completion.logProbs = completion.logProbs.map { $0 / Float(options.temperature) }
            }
            if flaw == .oldWeightsNamed { completion.weightsVersion -= 1 }
            return completion
        }
    }

    private func told(_ onToken: (@Sendable (Int, Int32) -> Void)?) -> (@Sendable (Int, Int32) -> Void)? {
        guard flaw == .otherTokensTold, let onToken else { return onToken }
        return { prompt, _ in onToken(prompt, 5) }
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
