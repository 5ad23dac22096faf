#if Engines
import Swage
import SwageNative
import SwageRemote
import Synchronization
import TestEngines
import TestSupport
import Testing

@Suite struct RemoteSamplerTests {
    private static let prompts: [[Int32]] = [[5, 9, 200, 31], [7], [7], [100, 101, 102, 103]]

    @Test func aServedModelWritesAsItDoesHere() async throws {
        let trainer = try await TinyModel.trainer()
        try await withServed(trainer, sampler: trainer.sampler) { remote in
            let (config, isServing) = (try await remote.config(), try await remote.isServing())
            #expect(config.capabilities.generates && isServing)
            let options = SamplingOptions(
                maxTokens: 9, temperature: 0.8, topK: 40, topP: 0.95, seed: 3, streams: [4, 9, 1, 0], stopStrings: ["~"], concurrency: 2,
                firstTokens: Array(100..<200))
            let expected = try await trainer.sampler.generate(Self.prompts, options: options)
            let seen = Mutex([[Int32]](repeating: [], count: Self.prompts.count))
            let found = try await remote.sampler.generate(Self.prompts, options: options) { prompt, token in
                seen.withLock { $0[prompt].append(token) }
            }
            #expect(found == expected)
            #expect(expected.allSatisfy { 100..<200 ~= $0.tokens[0] }, "\(expected.map { $0.tokens[0] })")
            #expect(seen.withLock { $0 } == expected.map(\.tokens))
        }
    }

    @Test func theCompletionsNameTheStepOfTheirWeights() async throws {
        let trainer = try await TinyModel.trainer()
        try await withServed(trainer, sampler: trainer.sampler) { remote in
            _ = try await remote.forwardBackward(TinyModel.batch)
            _ = try await remote.optimStep()
            let completion = try await remote.sampler.generate([[1]], options: .greedy(maxTokens: 1))[0]
            #expect(completion.weightsVersion == 1)
        }
    }

    @Test func badRequestsAndTrainersWithoutASamplerAreErrors() async throws {
        let trainer = try await TinyModel.trainer()
        try await withServed(trainer, sampler: trainer.sampler) { remote in
            let error = await #expect(throws: TrainerError.self) { _ = try await remote.sampler.generate([[1, 300]]) }
            #expect(error?.code == .tokenOutOfRange)
        }
        try await withServed(trainer) { remote in
            let config = try await remote.config()
            #expect(!config.capabilities.generates)
            let error = await #expect(throws: TrainerError.self) { _ = try await remote.sampler.generate([[1]]) }
            #expect(error?.code == .unsupported)
        }
    }

    @Test func aCancelledRolloutEndsAndTheTrainerGoesOn() async throws {
        let trainer = try await TinyModel.trainer()
        try await withServed(trainer, sampler: trainer.sampler) { remote in
            let (started, signal) = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                let prompts = (0..<3000).map { [Int32($0 % 300), 2] }
                return try await remote.sampler.generate(prompts, options: .init(maxTokens: 400, concurrency: 2)) { _, _ in
                    signal.yield()
                }
            }
            for await _ in started { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { _ = try await task.value }
            let next = try await remote.sampler.generate([[1, 2]], options: .init(maxTokens: 3))[0]
            #expect(next.tokens.count == 3)
        }
    }
}
#endif
