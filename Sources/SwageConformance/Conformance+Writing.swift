import Swage
import Synchronization

extension Conformance {
    /// Writing changes nothing, does what its options say, and gives the log-probabilities of `forward`.
    func checkWriting() async throws {
        let plain = try await subject.makeTrainer("\(subject.workspace)/writing")
        guard let sampler = try await subject.sampler?(plain) else { return }
        var probe = probe(12)
        let batch = try probe.batch(rows: 2, columns: 8)
        let trainer = noted(plain)
        // The last one is longer than what a model may look back to that looks back a little way only.
        let prompts = try [3, 4, try await columns(40, trainer) / 2].map { try probe.tokens([$0]).scalars }
        _ = try await trainer.forwardBackward(batch)
        let (weights, status) = (try await fingerprint(trainer), try await trainer.status())

        let options = SamplingOptions(maxTokens: 12, seed: 7)
        let told = ToldTokens(prompts: prompts.count)
        let written = try await sampler.generate(prompts, options: options) { told.append($1, of: $0) }
        try checkForm(written, prompts, options, ofStep: sampler.sharesWeights ? status.step : nil)
        try expect(told.tokens == written.map(\.tokens), "onToken was told \(told.tokens) of the completions \(written.map(\.tokens))")
        for (prompt, completion) in zip(prompts, written) {
            try expectClose(
                completion.logProbs, try await logProbs(of: completion.tokens, after: prompt, trainer),
                "log-probabilities of a completion after a prompt of \(prompt.count) tokens, beside those of forward")
        }
        try await checkEnds(sampler, trainer, prompts)
        try await checkDistribution(sampler, trainer, prompts)
        try await checkStreams(sampler, prompts, written)
        try await checkStopStrings(sampler, trainer, prompts[0])

        try expectSame(try await fingerprint(trainer), weights, "weights after writing")
        try expect(try await trainer.status() == status, "status after writing is not \(status)")
        let norm = try await trainer.optimStep().gradientNorm
        if sampler.sharesWeights {
            let later = try await sampler.generate(prompts, options: options)
            try checkForm(later, prompts, options, ofStep: status.step + 1)
            try expectClose(
                later[0].logProbs, try await logProbs(of: later[0].tokens, after: prompts[0], trainer),
                "log-probabilities of a completion after a step, beside those of forward")
        }
        let twin = try await self.trainer("writing-twin")
        _ = try await twin.forwardBackward(batch)
        try expectSame([Float(norm)], [Float(try await twin.optimStep().gradientNorm)], "gradient norm after writing")
    }

    private func checkForm(_ completions: [Completion], _ prompts: [[Int32]], _ options: SamplingOptions, ofStep step: Int?) throws {
        try expect(completions.count == prompts.count, "\(completions.count) completions of \(prompts.count) prompts")
        for completion in completions {
            let count = completion.tokens.count
            try expect(1...options.maxTokens ~= count, "a completion has \(count) tokens, of 1 to \(options.maxTokens)")
            try expect(
                completion.finishReason != .length || count == options.maxTokens,
                "a completion ended by its length at \(count) tokens of \(options.maxTokens)")
            try expect(completion.logProbs.count == count, "\(completion.logProbs.count) log-probabilities of \(count) tokens")
            if let step {
                try expect(completion.weightsVersion == step, "a completion is of weights \(completion.weightsVersion), at step \(step)")
            }
        }
    }

    /// What `forward` gives a completion.
    func logProbs(of tokens: [Int32], after prompt: [Int32], _ trainer: any Trainer) async throws -> [Float] {
        let row = prompt + tokens
        let shape = [1, row.count - 1]
        let inputs = ForwardInputs(
            inputIDs: try Tensor(Array(row.dropLast()), shape: shape), targetIDs: try Tensor(Array(row.dropFirst()), shape: shape),
            outputs: [.logProbs])
        return try await trainer.forward(inputs).logProbs?.scalars.suffix(tokens.count) ?? []
    }
}

/// What was told of completions while they were written.
private final class ToldTokens: Sendable {
    private let told: Mutex<[[Int32]]>

    init(prompts: Int) { told = Mutex(Array(repeating: [], count: prompts)) }

    var tokens: [[Int32]] { told.withLock { $0 } }

    func append(_ token: Int32, of prompt: Int) {
        told.withLock { if $0.indices.contains(prompt) { $0[prompt].append(token) } }
    }
}
