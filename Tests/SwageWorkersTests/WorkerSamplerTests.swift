#if Engines
import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageWorkers
import TestEngines
import TestSupport
import Testing

extension WorkerTests {
    @Suite(.serialized, .enabled(if: WorkerEnvironment("huggingface").isInstalled)) struct WorkerSamplerTests {
        private static let prompts: [[Int32]] = [[5, 9, 200, 31], [7], [100, 101, 102, 103, 104, 105]]

        @Test func transformersWritesAsTheProtocolSays() async throws {
            let model = Golden.decoder("llama")
            let worker = try await HuggingFaceTrainer(model: model, optimizer: TinyModel.optimizer)
            let native = try await NativeTrainer(model: model, threads: 1)
            #expect(try await worker.isServing())
            #expect(try await worker.config().capabilities.generates)

            let greedy = SamplingOptions.greedy(maxTokens: 10)
            let expected = try await native.sampler.generate(Self.prompts, options: greedy)
            let found = try await worker.sampler.generate(Self.prompts, options: greedy)
            #expect(found.map(\.tokens) == expected.map(\.tokens) && found.map(\.finishReason) == expected.map(\.finishReason))
            for (own, native) in zip(found, expected) { #expect(relativeDifference(own.logProbs, native.logProbs) < 1e-4) }

            // Each completion draws from its own stream, whatever others are written.
            var options = SamplingOptions(maxTokens: 12, temperature: 1.2, topK: 80, topP: 0.98, seed: 8)
            let all = try await worker.sampler.generate(Self.prompts, options: options)
            options.streams = [2, 1]
            options.concurrency = 1
            let some = try await worker.sampler.generate([Self.prompts[2], Self.prompts[1]], options: options)
            #expect(some.map(\.tokens) == [all[2].tokens, all[1].tokens])
            #expect(Set(all.map(\.tokens)).count == 3)
            for (prompt, completion) in zip(Self.prompts, all) {
                let text = prompt + completion.tokens
                let outputs = try await worker.forward(
                    ForwardInputs(
                        inputIDs: Tensor(rows: [Array(text.dropLast())]), targetIDs: Tensor(rows: [Array(text.dropFirst())]),
                        outputs: [.logProbs]))
                let trained = Array(outputs.logProbs!.scalars.suffix(completion.tokens.count))
                #expect(relativeDifference(completion.logProbs, trained) < 1e-4)
            }

            var begun = greedy
            begun.firstTokens = [7, 250]
            let (here, there) = (
                try await native.sampler.generate(Self.prompts, options: begun), try await worker.sampler.generate(Self.prompts, options: begun)
            )
            #expect(here.map(\.tokens) == there.map(\.tokens) && there.allSatisfy { [7, 250].contains($0.tokens[0]) })
            begun.temperature = 1
            #expect(try await worker.sampler.generate(Self.prompts, options: begun).allSatisfy { [7, 250].contains($0.tokens[0]) })

            _ = try await worker.forwardBackward(TinyModel.batch)
            _ = try await worker.optimStep()
            #expect(try await worker.sampler.generate([[1]], options: greedy)[0].weightsVersion == 1)
            let error = await #expect(throws: TrainerError.self) { try await worker.sampler.generate([[1, 300]]) }
            #expect(error?.code == .tokenOutOfRange)
        }

        private struct Questions: ProblemSource {
            func problem(_ number: Int) -> Problem {
                Problem(messages: [ChatMessage(role: "user", content: "Say \(number)")])
            }
        }

        /// Two steps of GRPO; returns their metrics.
        private func learn(_ trainer: any Trainer, _ sampler: any Sampler, _ output: RunDirectory) async throws -> [TrainingStep] {
            let outcome = try await GRPO(
                trainer: trainer, sampler: sampler, problems: Questions(),
                rewards: [Reward("length") { Double($0.reply.utf8.count % 5) }], tokenizer: try await trainer.tokenizer(),
                directory: output,
                options: .init(
                    steps: 2, problemsPerRollout: 2, rollouts: .init(groupSize: 4, sampling: SamplingOptions(maxTokens: 6)))
            ).run()
            guard case .finished = outcome else { throw TrainerError(.engineFailed, "\(outcome)") }
            return try String(contentsOfFile: output.metrics, encoding: .utf8).split(separator: "\n").map {
                try JSONDecoder().decode(TrainingStep.self, from: Data($0.utf8))
            }
        }

        @Test func aRecipeRunsOnTransformersAsItDoesHere() async throws {
            try await withTemporaryDirectory { directory in
                let output = RunDirectory(path: directory + "/run")
                let trainer = try await HuggingFaceTrainer(
                    model: Golden.decoder("llama"), optimizer: OptimizerOptions(learningRate: 1e-3),
                    checkpointDirectory: output.checkpoints, chatTemplate: "chatml")
                let steps = try await learn(trainer, trainer.sampler, output)
                #expect(steps.count == 2)
                for metrics in steps.map(\.metrics) {
                    #expect(metrics["largest_difference"]! < 1e-4 && metrics["staleness"] == 0, "\(metrics)")
                    #expect(metrics["handover_seconds"] == 0, "\(metrics)")
                }
            }
        }

        @Test(.enabled(if: WorkerEnvironment("titan").isInstalled))
        func ranksLearnFromWhatANativeSamplerWrites() async throws {
            try await withTemporaryDirectory { directory in
                let output = RunDirectory(path: directory + "/run")
                var options = TitanTrainer.Options()
                options.degrees.shard = 2
                let trainer = try await TitanTrainer(
                    model: Golden.decoder("llama"), optimizer: OptimizerOptions(learningRate: 1e-3),
                    checkpointDirectory: output.checkpoints, chatTemplate: "chatml", options: options)
                let sampler = try await NativeSampler(model: Golden.decoder("llama"), chatTemplate: "chatml", threads: 1)
                for metrics in try await learn(trainer, sampler, output).map(\.metrics) {
                    // Each rollout is written by the weights of the step before it.
                    #expect(metrics["largest_difference"]! < 1e-4 && metrics["staleness"] == 0, "\(metrics)")
                    #expect(metrics["handover_seconds"]! > 0, "\(metrics)")
                }
            }
        }
    }
}
#endif
