import Swage

extension Conformance {
    /// A completion ends by its token, else by a stop string, else by its length, and begins as it may.
    func checkEnds(_ sampler: any Sampler, _ trainer: any Trainer, _ prompts: [[Int32]]) async throws {
        let prompt = prompts[0]
        let likeliest = try await sampler.generate([prompt], options: .greedy(maxTokens: 1))[0].tokens[0]
        var options = SamplingOptions(maxTokens: 1, topK: 1)
        for (name, narrow) in [("topK 1", options), ("topP 1e-6", SamplingOptions(maxTokens: 1, topP: 1e-6))] {
            let only = try await sampler.generate([prompt], options: narrow)[0].tokens
            try expect(only == [likeliest], "of \(name) the completion is \(only), and \(likeliest) is the likeliest token")
        }
        let other = (likeliest + 1) % Int32(subject.vocabularySize)
        // An id that the vocabulary does not have ends none.
        let ends = [Int32(subject.vocabularySize) + 9, other, likeliest]
        for length in [1, 3] {
            options = .greedy(maxTokens: length)
            options.endOfSequenceIDs = ends
            let ended = try await sampler.generate([prompt], options: options)[0]
            try expect(
                ended.tokens == [likeliest] && ended.finishReason == .endOfSequence,
                "of endOfSequenceIDs \(ends) and up to \(length) tokens the completion is \(ended.tokens), ended by \(ended.finishReason), and "
                    + "\(likeliest) is the likeliest token")
        }
        try await checkFirstTokens(sampler, trainer, prompts, Array(Set((0..<3).map { (other + 7 * $0) % Int32(subject.vocabularySize) })).sorted())
    }

    /// At temperature 0 the likeliest of the first tokens begins each completion, with its log-probability among all tokens.
    private func checkFirstTokens(_ sampler: any Sampler, _ trainer: any Trainer, _ prompts: [[Int32]], _ allowed: [Int32]) async throws {
        var greedy = SamplingOptions.greedy(maxTokens: 1)
        greedy.firstTokens = allowed
        for (prompt, completion) in zip(prompts, try await sampler.generate(prompts, options: greedy)) {
            let targets = allowed.map { Array(repeating: Int32(0), count: prompt.count - 1) + [$0] }
            let all = try await trainer.forward(
                ForwardInputs(inputIDs: try Tensor(rows: allowed.map { _ in prompt }), targetIDs: try Tensor(rows: targets), outputs: [.logProbs]))
            let found = (all.logProbs?.scalars ?? []).enumerated().filter { $0.offset % prompt.count == prompt.count - 1 }.map(\.element)
            let begun = completion.tokens.first.flatMap { allowed.firstIndex(of: $0) }
            guard let begun, found.count == allowed.count, let highest = found.max() else {
                throw ConformanceFailure(
                    description: "of firstTokens \(allowed) a completion after \(prompt.count) tokens is \(completion.tokens)")
            }
            try expect(
                highest - found[begun] <= 1e-3 * abs(highest),
                "of firstTokens \(allowed) at temperature 0 a completion begins with \(allowed[begun]), and the log-probabilities are \(found)")
            try expectClose([completion.logProbs[0]], [found[begun]], "log-probability of the likeliest of firstTokens, beside that of forward")
        }
        let one = [allowed.last!]
        let drawn = try await sampler.generate([prompts[0]], options: SamplingOptions(maxTokens: 1, firstTokens: one))[0].tokens
        try expect(drawn == one, "of firstTokens \(one) at temperature 1 the completion begins with \(drawn)")
    }

    /// A completion ends with the token that completes a stop string, of a trainer that can spell its tokens.
    func checkStopStrings(_ sampler: any Sampler, _ trainer: any Trainer, _ prompt: [Int32]) async throws {
        guard let tokenizer = try? await trainer.tokenizer() else { return }
        // What is written without stop strings says where they end it.
        var options = SamplingOptions(maxTokens: 24, seed: 11)
        let whole = try await sampler.generate([prompt], options: options)[0]
        let pieces = try whole.tokens.map { String(decoding: try tokenizer.bytes(of: $0), as: UTF8.self) }
        guard let middle = pieces.indices.first(where: { $0 > 0 && !pieces[$0].isEmpty && !pieces[$0].contains("\u{FFFD}") }) else { return }
        options.stopStrings = ["no such text, as a random model writes", pieces[middle]]
        var text = CompletionText(tokenizer, stopStrings: options.stopStrings)
        var expected: [Int32] = []
        for token in whole.tokens where !text.isStopped {
            _ = try text.append(token)
            expected.append(token)
        }
        // By its token, else by a stop string.
        let isEnd = expected.count == whole.tokens.count && whole.finishReason == .endOfSequence
        guard text.isStopped, !isEnd else { return }
        let found: Completion
        do {
            found = try await sampler.generate([prompt], options: options)[0]
        } catch let error as TrainerError where error.code == .unsupported { return }
        try expect(
            found.tokens == expected && found.finishReason == .stopString,
            "of the stop strings \(options.stopStrings) the completion is \(found.tokens), ended by \(found.finishReason), and \(expected), ended "
                + "by stopString, was expected: without them it is \(whole.tokens)")
    }
}
