import Swage

extension Conformance {
    /// One seed, stream and prompt give one completion, whatever is written beside it, and others others.
    func checkStreams(_ sampler: any Sampler, _ prompts: [[Int32]], _ written: [Completion]) async throws {
        try await checkCompany(sampler, prompts)
        /// Whether two such completions would be the same by a chance that nobody has seen.
        func isUnsure(_ completions: [Completion]) -> Bool { completions.reduce(0) { $0 + $1.logProbs.reduce(0, +) } < -20 }

        let copies = Array(repeating: prompts[0], count: 6)
        let streams = try await sampler.generate(copies, options: SamplingOptions(maxTokens: 6, seed: 7))
        if isUnsure(streams) {
            try expect(Set(streams.map(\.tokens)).count > 1, "six streams of one seed write the same: \(streams[0].tokens)")
        }
        guard isUnsure(written) else { return }
        // A seed and a stream have 64 bits.
        for seed in [8, 7 + 1 << 32] as [UInt64] {
            let found = try await sampler.generate(prompts, options: SamplingOptions(maxTokens: 12, seed: seed)).map(\.tokens)
            try expect(found != written.map(\.tokens), "the seeds 7 and \(seed) write the same: \(found)")
        }
        let others = prompts.indices.map { UInt64($0) + 1 << 32 }
        let found = try await sampler.generate(prompts, options: SamplingOptions(maxTokens: 12, seed: 7, streams: others)).map(\.tokens)
        try expect(found != written.map(\.tokens), "the streams 0, 1, 2 and \(others) write the same: \(found)")
    }

    /// In other company, and with others at once or none, a completion is the same.
    private func checkCompany(_ sampler: any Sampler, _ prompts: [[Int32]]) async throws {
        var failure = ""
        // A number drawn may lie so close to where one token gives way to another that rounding decides; not for three seeds.
        for seed in [7, 21, 35] as [UInt64] {
            var options = SamplingOptions(maxTokens: 6, seed: seed, streams: [4, 9, 2])
            let written = try await sampler.generate(prompts, options: options).map(\.tokens)
            let again = try await sampler.generate(prompts, options: options).map(\.tokens)
            (options.streams, options.concurrency) = ([2, 4], 1)
            let fewer = try await sampler.generate([prompts[2], prompts[0]], options: options).map(\.tokens)
            if again == written, fewer == [written[2], written[0]] { return }
            failure =
                again == written
                ? "of one seed, stream and prompt \([written[2], written[0]]), and, of those two prompts alone and one at a time, \(fewer)"
                : "of one seed \(written), and again \(again)"
        }
        throw ConformanceFailure(description: failure)
    }
}
