import Swage
import SwageNative
import Testing
import TestEngines
import TestSupport

/// What a request asks for is checked against what there is before anything of that size is made.
@Suite(.timeLimit(.minutes(30))) struct RequestSizeTests {
    private static let sizes: [(prompts: Int, options: SamplingOptions)] = [
        (1, SamplingOptions(maxTokens: 1 << 40)), (1, SamplingOptions(maxTokens: .max)),
        (1, SamplingOptions(maxTokens: Int(Int32.max))), (100_000, SamplingOptions(maxTokens: 1 << 24, concurrency: .max)),
        (100_000, SamplingOptions(maxTokens: 1 << 20, concurrency: 1)),
    ]

    @Test(arguments: sizes.indices) func completionsThatCannotBeHeldAreRefused(_ index: Int) async throws {
        let (prompts, options) = Self.sizes[index]
        let sampler = try await TinyModel.trainer().sampler
        let error = await #expect(throws: TrainerError.self) {
            try await sampler.generate(Array(repeating: [1, 2], count: prompts), options: options)
        }
        #expect(error?.code == .tooLarge, "\(String(describing: error))")
        _ = try await sampler.generate([[1, 2]], options: .greedy(maxTokens: 2))
    }

    @Test func logitsThatCannotBeHeldAreRefused() async throws {
        let trainer = try await TinyModel.trainer()
        let tokens = MemoryBudget.available / (4 * TinyModel.vocabularySize) + (1 << 20)
        // On a machine with much more memory the ids alone would take too much.
        guard tokens < 100_000_000 else { return }
        let inputs = ForwardInputs(inputIDs: Tensor(repeating: 1, shape: [1, tokens]), outputs: [.logits])
        let error = await #expect(throws: TrainerError.self) { try await trainer.forward(inputs) }
        #expect(error?.code == .tooLarge && error?.message.contains("logits") == true, "\(String(describing: error))")
        #expect(try await trainer.status().step == 0)
    }

    /// One layer of so long a sequence takes many seconds.
    @Test func aLongSequenceEndsWithItsCallAndLeavesWhatWasAccumulated() async throws {
        let (trainer, other) = (try await TinyModel.trainer(), try await TinyModel.trainer())
        for each in [trainer, other] { _ = try await each.forwardBackward(TinyModel.batch, loss: nil) }
        let length = 150_000
        let ids = Tensor(unchecked: [Int32](repeating: 5, count: length), shape: [1, length])
        let mask = Tensor(unchecked: [Float](repeating: 1, count: length), shape: [1, length])
        let batch = TextTrainBatch(inputIDs: ids, targetIDs: ids, targetMask: mask)
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await trainer.forwardBackward(batch, loss: nil) },
            { _ = try await trainer.sampler.generate([ids.scalars], options: .greedy(maxTokens: 2)) },
        ]
        for call in calls {
            let task = Task { try await call() }
            try await Task.sleep(for: .milliseconds(500))
            task.cancel()
            let cancelled = ContinuousClock.now
            await #expect(throws: CancellationError.self) { try await task.value }
            let taken = ContinuousClock.now - cancelled
            #expect(taken < .seconds(20), "it took \(taken)")
        }
        let (found, expected) = (try await trainer.optimStep(), try await other.optimStep())
        #expect(found.gradientNorm == expected.gradientNorm && found.accumulatedMicrobatches == 1, "\(found) and \(expected)")
    }

    @Test func aTemperatureNearNothingTakesTheLikeliest() async throws {
        let sampler = try await TinyModel.trainer().sampler
        let prompts: [[Int32]] = [[5, 9, 200], [7]]
        let greedy = try await sampler.generate(prompts, options: .greedy(maxTokens: 8)).map(\.tokens)
        for temperature in [1e-50, 1e-300, .leastNonzeroMagnitude] {
            let options = SamplingOptions(maxTokens: 8, temperature: temperature)
            #expect(try await sampler.generate(prompts, options: options).map(\.tokens) == greedy, "\(temperature)")
        }
        let hot = try await sampler.generate(prompts, options: SamplingOptions(maxTokens: 8, temperature: 1e300, topK: .max))
        #expect(hot.allSatisfy { $0.tokens.allSatisfy { (0..<300).contains($0) } })
    }

    @Test func tokensOfTheCallersEndACompletion() async throws {
        let sampler = try await TinyModel.trainer().sampler
        let whole = try await sampler.generate([[5, 9, 200]], options: .greedy(maxTokens: 8))[0]
        var options = SamplingOptions.greedy(maxTokens: 8)
        options.endOfSequenceIDs = [whole.tokens[2]]
        let ended = try await sampler.generate([[5, 9, 200]], options: options)[0]
        let place = whole.tokens.firstIndex(of: whole.tokens[2])!
        #expect(ended.tokens == Array(whole.tokens[...place]) && ended.finishReason == .endOfSequence)
    }

    @Test(arguments: [3, 64]) func manyPromptsGetTheirSlotsInTurn(_ concurrency: Int) async throws {
        let sampler = try await TinyModel.trainer().sampler
        // Prompts that come again while others have taken their slots.
        let prompts = (0..<400).map { index in [Int32(index % 7), Int32(index % 3) + 10] }
        func options(_ concurrency: Int) -> SamplingOptions {
            SamplingOptions(maxTokens: 5, seed: 4, concurrency: concurrency)
        }
        let alone = try await sampler.generate(prompts, options: options(1)).map(\.tokens)
        let together = try await sampler.generate(prompts, options: options(concurrency)).map(\.tokens)
        #expect(together == alone)
    }
}
