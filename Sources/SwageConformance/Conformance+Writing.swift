import Swage

extension Conformance {
    /// Writing changes nothing, does what its options say, and gives the log-probabilities of `forward`.
    func checkWriting() async throws {
        let plain = try await subject.makeTrainer("\(subject.workspace)/writing")
        guard let sampler = try await subject.sampler?(plain) else { return }
        var probe = probe(12)
        let batch = try probe.batch(rows: 2, columns: 8)
        let prompts = try (3...5).map { try probe.tokens([$0]).scalars }
        let trainer = noted(plain)
        _ = try await trainer.forwardBackward(batch)
        let (weights, status) = (try await fingerprint(trainer), try await trainer.status())

        let options = SamplingOptions(maxTokens: 6, seed: 7)
        let written = try await sampler.generate(prompts, options: options)
        try checkForm(written, prompts, options, ofStep: sampler.sharesWeights ? status.step : nil)
        let again = try await sampler.generate(prompts, options: options)
        try expect(again.map(\.tokens) == written.map(\.tokens), "of one seed \(written.map(\.tokens)), and again \(again.map(\.tokens))")
        for (prompt, completion) in zip(prompts, written) {
            try expectClose(
                completion.logProbs, try await logProbs(of: completion.tokens, after: prompt, trainer),
                "log-probabilities of a completion, beside those of forward")
        }
        try await checkChoice(sampler, trainer, prompts)
        try await checkStreams(sampler, prompts[0], written[0])

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

    /// The likeliest token at temperature 0, one of the first tokens at the beginning, and the end at an end token.
    private func checkChoice(_ sampler: any Sampler, _ trainer: any Trainer, _ prompts: [[Int32]]) async throws {
        let prompt = prompts[0]
        let likeliest = try await sampler.generate([prompt], options: .greedy(maxTokens: 1))[0].tokens[0]
        if try await trainer.config().capabilities.outputs.contains(.logits) {
            let inputs = ForwardInputs(inputIDs: try Tensor([prompt].flatMap { $0 }, shape: [1, prompt.count]), outputs: [.logits])
            let logits = try await trainer.forward(inputs).logits?.scalars.suffix(subject.vocabularySize) ?? []
            let (highest, chosen) = (logits.max() ?? .nan, Array(logits)[Int(likeliest)])
            try expect(highest - chosen <= 1e-3 * abs(highest), "at temperature 0 a token of logit \(chosen), and the highest is \(highest)")
        }
        var options = SamplingOptions(maxTokens: 1, topK: 1)
        for (name, narrow) in [("topK 1", options), ("topP 1e-6", SamplingOptions(maxTokens: 1, topP: 1e-6))] {
            let only = try await sampler.generate([prompt], options: narrow)[0].tokens
            try expect(only == [likeliest], "of \(name) the completion is \(only), and \(likeliest) is the likeliest token")
        }
        let other = (likeliest + 1) % Int32(subject.vocabularySize)
        for temperature in [0.0, 1] {
            options = SamplingOptions(maxTokens: 1, temperature: temperature, firstTokens: [other])
            let first = try await sampler.generate([prompt], options: options)[0].tokens
            try expect(first == [other], "of firstTokens [\(other)] at temperature \(temperature) the completion begins with \(first)")
        }
        options = .greedy(maxTokens: 3)
        options.endOfSequenceIDs = [likeliest]
        let ended = try await sampler.generate([prompt], options: options)[0]
        try expect(
            ended.tokens == [likeliest] && ended.finishReason == .endOfSequence,
            "of endOfSequenceIDs [\(likeliest)] the completion is \(ended.tokens), ended by \(ended.finishReason)")
    }

    /// Other streams and other seeds write other completions, of a model that is not sure of one.
    private func checkStreams(_ sampler: any Sampler, _ prompt: [Int32], _ written: Completion) async throws {
        let isUnsure = { (completions: [Completion]) in completions.allSatisfy { $0.logProbs.reduce(0, +) < -5 } }
        let copies = Array(repeating: prompt, count: 6)
        let streams = try await sampler.generate(copies, options: SamplingOptions(maxTokens: 6, seed: 7))
        if isUnsure(streams) {
            try expect(Set(streams.map(\.tokens)).count > 1, "six streams of one seed write the same: \(streams[0].tokens)")
        }
        var seeds: [Completion] = []
        for seed in 8..<11 as Range<UInt64> {
            seeds += try await sampler.generate([prompt], options: SamplingOptions(maxTokens: 6, seed: seed))
        }
        if isUnsure(seeds) { try expect(Set(seeds.map(\.tokens)).count > 1, "three seeds write the same: \(seeds[0].tokens)") }
    }

    private func logProbs(of tokens: [Int32], after prompt: [Int32], _ trainer: any Trainer) async throws -> [Float] {
        let row = prompt + tokens
        let shape = [1, row.count - 1]
        let inputs = ForwardInputs(
            inputIDs: try Tensor(Array(row.dropLast()), shape: shape), targetIDs: try Tensor(Array(row.dropFirst()), shape: shape),
            outputs: [.logProbs])
        return try await trainer.forward(inputs).logProbs?.scalars.suffix(tokens.count) ?? []
    }
}
