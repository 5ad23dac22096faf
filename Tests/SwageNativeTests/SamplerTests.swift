import Foundation
import Swage
import SwageNative
import Testing
import TestSupport

@Suite struct SamplerTests {
    /// The last of them fills more than a panel of the cache, and has more tokens than a window of attention.
    private static let prompts: [[Int32]] = [[5, 9, 200, 31], [7], (0..<61).map { $0 * 37 % 300 }]

    private func trainer(_ name: String) async throws -> NativeTrainer {
        try await NativeTrainer(model: Golden.decoder(name), threads: 2)
    }

    /// Greedy decoding with the cache against running the whole text forward again for every token.
    @Test(arguments: Golden.decoders.filter { !Golden.lengthDependentDecoders.contains($0) })
    func theCacheGivesTheTokensThatForwardGives(_ name: String) async throws {
        let trainer = try await trainer(name)
        let completions = try await trainer.sampler.generate(Self.prompts, options: .greedy(maxTokens: 12))
        for (prompt, completion) in zip(Self.prompts, completions) {
            var text = prompt
            for token in completion.tokens {
                let logits = try await trainer.forward(
                    ForwardInputs(inputIDs: Tensor(rows: [text]), outputs: [.logits])
                ).logits!.scalars.suffix(300)
                let best = logits.indices.max { logits[$0] < logits[$1] }! - logits.startIndex
                #expect(Int(token) == best)
                text.append(token)
            }
        }
    }

    @Test(arguments: Golden.decoders)
    func logProbsAreThoseOfTheTrainer(_ name: String) async throws {
        let trainer = try await trainer(name)
        let options = SamplingOptions(maxTokens: 15, temperature: 1.3, topK: 50, topP: 0.9, seed: 4)
        for (prompt, completion) in zip(
            Self.prompts, try await trainer.sampler.generate(Self.prompts, options: options))
        {
            let text = prompt + completion.tokens
            let outputs = try await trainer.forward(
                ForwardInputs(
                    inputIDs: Tensor(rows: [Array(text.dropLast())]), targetIDs: Tensor(rows: [Array(text.dropFirst())]),
                    outputs: [.logProbs]))
            let expected = Array(outputs.logProbs!.scalars.suffix(completion.tokens.count))
            let difference = relativeDifference(completion.logProbs, expected)
            #expect(difference < 1e-4, "log-probabilities differ by \(difference)")
        }
    }

    @Test func aSeedGivesTheSameCompletionsAndAnotherSeedOthers() async throws {
        let sampler = try await trainer("llama").sampler
        let options = SamplingOptions(maxTokens: 20, seed: 11)
        let first = try await sampler.generate(Self.prompts, options: options)
        #expect(try await sampler.generate(Self.prompts, options: options) == first)
        #expect(try await sampler.generate(Self.prompts, options: .init(maxTokens: 20, seed: 12)) != first)
    }

    /// Prompts of several lengths, some of them equal.
    private static let manyPrompts: [[Int32]] = (0..<24).map { index in
        let (group, length) = (index / 3, index / 3 * 5 % 17 + 1)
        return (0..<length).map { place in Int32((place * 31 + group * 7) % 300) }
    }

    @Test(arguments: ["llama", "mistral", "qwen3"], [1, 2, 5, 40])
    func aCompletionIsTheSameWhateverOthersAreWritten(_ model: String, _ concurrency: Int) async throws {
        let sampler = try await trainer(model).sampler
        let options = SamplingOptions(maxTokens: 20, seed: 6)
        let all = try await sampler.generate(Self.manyPrompts, options: options).map(\.tokens)
        #expect(Set(all).count > 16, "the completions are too alike to tell them apart")
        var others = options
        others.concurrency = concurrency
        #expect(try await sampler.generate(Self.manyPrompts, options: others).map(\.tokens) == all)
        let some = [3, 4, 17, 23]
        others.streams = some.map { UInt64($0) }
        #expect(
            try await sampler.generate(some.map { Self.manyPrompts[$0] }, options: others).map(\.tokens) == some.map { all[$0] })
    }

    @Test func aSamplerOfItsOwnWritesByTheWeightsItWasGiven() async throws {
        let model = Golden.decoder("llama")
        let trainer = try await NativeTrainer(model: model, optimizer: OptimizerOptions(learningRate: 0.05), threads: 2)
        let apart = try await NativeSampler(model: model, threads: 2)
        #expect(trainer.sampler.sharesWeights && !apart.sharesWeights)
        let batch = try GoldenTensors(model + "/golden.safetensors").batch(0)
        _ = try await trainer.forwardBackward(batch)
        let step = try await trainer.optimStep().step
        let options = SamplingOptions(maxTokens: 12, seed: 1)
        let own = try await trainer.sampler.generate(Self.prompts, options: options)
        #expect(own.allSatisfy { $0.weightsVersion == step })
        #expect(try await apart.generate(Self.prompts, options: options) != own)
        try await withTemporaryDirectory { directory in
            let saved = try await trainer.save(name: nil, path: directory + "/weights", weightsOnly: true)
            try await apart.updateWeights(from: saved.path, version: step)
            #expect(try await apart.generate(Self.prompts, options: options) == own)
        }
    }

    @Test func aCancelledRolloutEndsSoon() async throws {
        let sampler = try await trainer("llama").sampler
        let (started, signal) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            let prompts = (0..<3000).map { [Int32($0 % 300), 2] }
            return try await sampler.generate(prompts, options: .init(maxTokens: 400, concurrency: 2)) { _, _ in signal.yield() }
        }
        for await _ in started { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await sampler.generate([[1, 2]], options: .init(maxTokens: 3))[0].tokens.count == 3)
    }

    @Test func topOneIsGreedyAndATinyTopPToo() async throws {
        let sampler = try await trainer("qwen3").sampler
        let greedy = try await sampler.generate(Self.prompts, options: .greedy(maxTokens: 10)).map(\.tokens)
        for options in [
            SamplingOptions(maxTokens: 10, topK: 1), SamplingOptions(maxTokens: 10, topP: 1e-9),
            SamplingOptions(maxTokens: 10, temperature: 1e-4),
        ] {
            #expect(try await sampler.generate(Self.prompts, options: options).map(\.tokens) == greedy)
        }
    }

    @Test(arguments: [0, 1.5]) func aCompletionBeginsWithOneOfTheFirstTokens(_ temperature: Double) async throws {
        let trainer = try await trainer("llama")
        let options = SamplingOptions(maxTokens: 4, temperature: temperature, seed: 2, firstTokens: [7, 250])
        for (prompt, completion) in zip(Self.prompts, try await trainer.sampler.generate(Self.prompts, options: options)) {
            #expect([7, 250].contains(completion.tokens[0]), "\(completion.tokens)")
            let logProbs = try await trainer.forward(
                ForwardInputs(
                    inputIDs: Tensor(rows: [prompt]), targetIDs: Tensor(rows: [Array((prompt + completion.tokens.prefix(1)).dropFirst())]),
                    outputs: [.logProbs]))
            // Of the whole vocabulary, as that of every other token.
            #expect(abs(logProbs.logProbs!.scalars.last! - completion.logProbs[0]) < 1e-4, "\(completion.logProbs)")
        }
        let one = SamplingOptions(maxTokens: 1, temperature: temperature, firstTokens: [9])
        #expect(try await trainer.sampler.generate([[1]], options: one)[0].tokens == [9])
    }

    /// Frequencies over many draws against the probabilities, within five standard errors.
    @Test func drawsFollowTheProbabilities() async throws {
        let trainer = try await trainer("llama")
        let prompt: [Int32] = [3, 14, 15]
        let logits = try await trainer.forward(ForwardInputs(inputIDs: Tensor(rows: [prompt]), outputs: [.logits]))
            .logits!.scalars.suffix(300).map { Double($0) / 0.7 }
        let top = logits.max()!
        let weights = logits.map { exp($0 - top) }
        // Top-k keeps the eight likeliest.
        let kept = weights.indices.sorted { weights[$0] > weights[$1] }.prefix(8)
        let total = kept.reduce(0) { $0 + weights[$1] }
        let count = 4000
        let completions = try await trainer.sampler.generate(
            Array(repeating: prompt, count: count),
            options: SamplingOptions(maxTokens: 1, temperature: 0.7, topK: 8, seed: 3))
        let counts = Dictionary(grouping: completions.map { Int($0.tokens[0]) }) { $0 }.mapValues(\.count)
        #expect(Set(counts.keys).isSubset(of: kept))
        for token in kept {
            let probability = weights[token] / total
            let error = (probability * (1 - probability) / Double(count)).squareRoot()
            let frequency = Double(counts[token] ?? 0) / Double(count)
            #expect(abs(frequency - probability) < 5 * error + 1e-9, "token \(token): \(frequency), not \(probability)")
        }
    }

    @Test func aStopStringEndsACompletionWhereItAppears() async throws {
        let trainer = try await trainer("llama")
        let tokenizer = try await trainer.tokenizer()
        let free = try await trainer.sampler.generate([[9, 8, 7]], options: .init(maxTokens: 30, seed: 2))[0]
        let pairs = try free.tokens.indices.dropLast().map {
            ($0, try tokenizer.decode(Array(free.tokens[$0...$0 + 1]), skipSpecialTokens: true))
        }
        let (place, stop) = try #require(pairs.first { $0 > 2 && !$1.contains("\u{FFFD}") && !$1.isEmpty })
        let stopped = try await trainer.sampler.generate(
            [[9, 8, 7]], options: .init(maxTokens: 30, seed: 2, stopStrings: [stop]))[0]
        #expect(stopped.finishReason == .stopString)
        #expect(stopped.tokens == Array(free.tokens[..<stopped.tokens.count]) && stopped.tokens.count <= place + 2)
    }

    @Test func tokensAreReportedInOrderAsTheyAreChosen() async throws {
        let sampler = try await trainer("llama").sampler
        let (stream, continuation) = AsyncStream.makeStream(of: (Int, Int32).self)
        let completions = try await sampler.generate(Self.prompts, options: .init(maxTokens: 6)) {
            continuation.yield(($0, $1))
        }
        continuation.finish()
        var seen = [[Int32]](repeating: [], count: Self.prompts.count)
        for await (row, token) in stream { seen[row].append(token) }
        #expect(seen == completions.map(\.tokens))
    }

    @Test func theSamplerSeesEveryStepOfItsTrainer() async throws {
        let trainer = try await NativeTrainer(
            model: Golden.decoder("llama"), optimizer: OptimizerOptions(learningRate: 0.05), threads: 2)
        let before = try await trainer.sampler.generate(Self.prompts, options: .greedy(maxTokens: 8))
        let golden = try GoldenTensors(Golden.decoder("llama") + "/golden.safetensors")
        _ = try await trainer.forwardBackward(try golden.batch(0))
        _ = try await trainer.optimStep()
        #expect(try await trainer.sampler.generate(Self.prompts, options: .greedy(maxTokens: 8)) != before)
    }

    @Test func badRequestsAreErrors() async throws {
        let sampler = try await trainer("llama").sampler
        let bad: [([[Int32]], SamplingOptions, TrainerError.Code)] = [
            ([[]], .init(), .invalidBatch), ([[1, 300]], .init(), .tokenOutOfRange), ([[-1]], .init(), .tokenOutOfRange),
            ([[1]], .init(maxTokens: 0), .invalidOption), ([[1]], .init(temperature: -1), .invalidOption),
            ([[1]], .init(temperature: .nan), .invalidOption), ([[1]], .init(topK: 0), .invalidOption),
            ([[1]], .init(firstTokens: []), .invalidOption), ([[1]], .init(firstTokens: [1, 300]), .tokenOutOfRange),
            ([[1]], .init(topP: 0), .invalidOption), ([[1]], .init(topP: 1.5), .invalidOption),
            ([[1]], .init(stopStrings: [""]), .invalidOption), ([[1]], .init(streams: [1, 2]), .invalidOption),
            ([[1]], .init(concurrency: 0), .invalidOption),
        ]
        for (prompts, options, code) in bad {
            let error = await #expect(throws: TrainerError.self) { try await sampler.generate(prompts, options: options) }
            #expect(error?.code == code)
        }
    }
}
