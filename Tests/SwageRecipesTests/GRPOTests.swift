import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageText
import Synchronization
import Testing
import TestSupport

@Suite struct GRPOTests {
    @Test func theRewardRises() async throws {
        try await withTemporaryDirectory { directory in
            var setting = GRPOSetting(group: 8)
            setting.steps = 30
            guard case .finished = try await setting.run(in: directory) else {
                Issue.record("the run did not finish")
                return
            }
            let rewards = try GRPOSetting.curve(directory).map { $0.metrics["reward"]! }
            let (first, last) = (rewards.prefix(5).reduce(0, +) / 5, rewards.suffix(5).reduce(0, +) / 5)
            #expect(last > first + 0.2, "the reward went from \(first) to \(last)")
        }
    }

    @Test(arguments: [false, true]) func oneSeedGivesOneCurveBitForBit(_ isAsynchronous: Bool) async throws {
        try await withTemporaryDirectory { directory in
            var setting = GRPOSetting()
            setting.options.isAsynchronous = isAsynchronous
            setting.loss = .grpo(klCoefficient: 0.1)
            for name in ["a", "b"] { _ = try await setting.run(in: "\(directory)/\(name)") }
            let (first, second) = (try GRPOSetting.curve(directory + "/a"), try GRPOSetting.curve(directory + "/b"))
            #expect(first.count == 6 && first == second, "\(first)\n\(second)")
            let staleness = first.map { $0.metrics["staleness"]! }
            #expect(staleness == (isAsynchronous ? [0, 1, 1, 1, 1, 1] : [0, 0, 0, 0, 0, 0]), "\(staleness)")
            #expect(first[0].metrics["reference_kl"]! < 1e-9)
        }
    }

    @Test(arguments: [(false, 1), (false, 3), (true, 1), (true, 2)])
    func aRunThatWasInterruptedGoesOnWithTheSameCurve(_ isAsynchronous: Bool, _ updates: Int) async throws {
        try await withTemporaryDirectory { directory in
            var setting = GRPOSetting()
            setting.steps = 8
            setting.options.isAsynchronous = isAsynchronous
            setting.options.updatesPerRollout = updates
            _ = try await setting.run(in: directory + "/whole")

            var interrupted = setting
            interrupted.observe = { if case .step(let step, _) = $0, step.step == 3 { cancelThisTask() } }
            let task = Task { [interrupted] in try await interrupted.run(in: directory + "/broken") }
            guard case .interrupted = try await task.value else {
                Issue.record("the cancelled run was not interrupted")
                return
            }
            _ = try await setting.run(in: directory + "/broken")
            #expect(try GRPOSetting.curve(directory + "/broken") == GRPOSetting.curve(directory + "/whole"))
        }
    }

    /// The cancellation comes when the passes are done and the rollout ahead still waits for its rewards.
    @Test func aRunThatWasInterruptedWhileItWaitedForTheRolloutAheadGoesOnToo() async throws {
        try await withTemporaryDirectory { directory in
            var setting = GRPOSetting()
            setting.options.isAsynchronous = true
            setting.options.heldOutProblems = 1
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            let waits = Atomic(false)
            setting.rewards = [
                Reward("slow") { conversation in
                    if waits.load(ordering: .acquiring) { try await Task.sleep(for: .seconds(600)) }
                    return Double(conversation.reply.utf8.count % 7)
                }
            ]
            _ = try await setting.run(in: directory + "/whole")
            var interrupted = setting
            interrupted.observe = {
                guard case .step(let step, _) = $0, step.step == 3 else { return }
                waits.store(true, ordering: .releasing)
                continuation.yield()
            }
            let task = Task { [interrupted] in try await interrupted.run(in: directory + "/broken") }
            for await _ in stream {
                // Long enough for the passes.
                try await Task.sleep(for: .milliseconds(300))
                task.cancel()
                break
            }
            guard case .interrupted(let step, _) = try await task.value else {
                Issue.record("the cancelled run was not interrupted")
                return
            }
            #expect(step == 3)
            waits.store(false, ordering: .releasing)
            _ = try await setting.run(in: directory + "/broken")
            #expect(try GRPOSetting.curve(directory + "/broken") == GRPOSetting.curve(directory + "/whole"))
        }
    }

    @Test(arguments: [false, true]) func aRolloutOfWhichNothingIsLeftIsReplaced(_ isAsynchronous: Bool) async throws {
        try await withTemporaryDirectory { directory in
            var setting = GRPOSetting(failures: .drop)
            setting.steps = 3
            setting.options.isAsynchronous = isAsynchronous
            // The second rollout asks for 3, 4 and 5.
            setting.rewards = [
                Reward("picky") { conversation in
                    if ["3", "4", "5"].contains(conversation.problem.answer) { throw TrainerError(.invalidData, "not this one") }
                    return Double(conversation.reply.utf8.count % 7)
                }
            ]
            guard case .finished(let report) = try await setting.run(in: directory) else {
                Issue.record("the run did not finish")
                return
            }
            #expect(report.end.steps == 3)
        }
    }

    @Test func aSamplerOfItsOwnGivesTheSameCurve() async throws {
        try await withTemporaryDirectory { directory in
            var setting = GRPOSetting()
            _ = try await setting.run(in: directory + "/shared")
            setting.samplesApart = true
            _ = try await setting.run(in: directory + "/apart")
            let (shared, apart) = (try GRPOSetting.curve(directory + "/shared"), try GRPOSetting.curve(directory + "/apart"))
            #expect(shared == apart)
            #expect(shared.allSatisfy { $0.metrics["handover_seconds"] == 0 })
            #expect(apart.allSatisfy { $0.metrics["handover_seconds"]! > 0 })
        }
    }

    /// Notes at which of the trainer's steps each rollout begins.
    private struct NotingSampler: Sampler {
        let trainer: NativeTrainer
        let note: @Sendable (Int) -> Void

        var sharesWeights: Bool { true }
        func updateWeights(from checkpoint: String, version: Int) async throws {}
        func generate(
            _ prompts: [[Int32]], options: SamplingOptions, onToken: (@Sendable (Int, Int32) -> Void)?
        ) async throws -> [Completion] {
            note(try await trainer.status().step)
            return try await trainer.sampler.generate(prompts, options: options, onToken: onToken)
        }
    }

    @Test(arguments: [(false, [0, 1, 2, 3]), (true, [0, 0, 1, 2])])
    func anAsynchronousRolloutBeginsBeforeTheStepIsTaken(_ isAsynchronous: Bool, _ expected: [Int]) async throws {
        try await withTemporaryDirectory { directory in
            let output = RunDirectory(path: directory)
            let trainer = try await NativeTrainer(
                model: Golden.decoder("llama"), checkpointDirectory: output.checkpoints, chatTemplate: "chatml", threads: 2)
            let (begun, noted) = AsyncStream.makeStream(of: Int.self)
            _ = try await GRPO(
                trainer: trainer, sampler: NotingSampler(trainer: trainer) { noted.yield($0) }, problems: GRPOSetting.Numbers(),
                rewards: [GRPOSetting.early], tokenizer: try await trainer.tokenizer(), directory: output,
                options: .init(
                    steps: 4, problemsPerRollout: 2, rollouts: .init(groupSize: 2, sampling: SamplingOptions(maxTokens: 4)),
                    isAsynchronous: isAsynchronous)
            ).run()
            noted.finish()
            let starts = await begun.reduce(into: []) { $0.append($1) }
            #expect(starts == expected)
        }
    }

    /// Sampler and trainer agree here, so there is nothing to correct.
    @Test func theCorrectionForAnotherSamplerLeavesThisOneAlone() async throws {
        try await withTemporaryDirectory { directory in
            var setting = GRPOSetting()
            setting.steps = 3
            _ = try await setting.run(in: directory + "/plain")
            setting.options.importanceCap = 2
            _ = try await setting.run(in: directory + "/corrected")
            for (plain, corrected) in zip(try GRPOSetting.curve(directory + "/plain"), try GRPOSetting.curve(directory + "/corrected")) {
                #expect(abs(plain.gradientNorm - corrected.gradientNorm) < 1e-3 * plain.gradientNorm, "\(plain)\n\(corrected)")
            }
        }
    }

    private static let badRewards: [(name: String, reward: Reward)] = [
        (
            "throws",
            Reward("throws") { conversation in
                if conversation.reply.utf8.count % 2 == 0 { throw TrainerError(.invalidData, "no even replies") }
                return 1
            }
        ),
        ("nan", Reward("nan") { $0.reply.utf8.count % 2 == 0 ? .nan : 1 }),
        (
            "slow",
            Reward("slow", timeout: .milliseconds(300)) { conversation in
                if conversation.reply.utf8.count % 2 == 0 { try await Task.sleep(for: .seconds(3600)) }
                return 1
            }
        ),
        (
            "hangs",
            Reward("hangs", timeout: .milliseconds(300)) { conversation in
                // Heeds no cancellation.
                let end = ContinuousClock.now + .seconds(600)
                while conversation.reply.utf8.count % 2 == 0, ContinuousClock.now < end {
                    usleep(10_000)
                    await Task.yield()
                }
                return 1
            }
        ),
        (
            "blocks",
            Reward("blocks", timeout: .milliseconds(300)) { conversation in
                if conversation.reply.utf8.count % 2 == 0 { usleep(600_000_000) }
                return 1
            }
        ),
    ]

    @Test(arguments: badRewards.indices) func aBadRewardIsDroppedAndCountedOrStopsTheRunWithItsName(_ index: Int) async throws {
        let (name, bad) = Self.badRewards[index]
        let start = ContinuousClock.now
        try await withTemporaryDirectory { directory in
            var setting = GRPOSetting(failures: .drop)
            setting.steps = 2
            setting.options.heldOutProblems = 1
            setting.rewards = [GRPOSetting.early, bad]
            guard case .finished = try await setting.run(in: directory + "/drop") else {
                Issue.record("\(name): the run did not finish")
                return
            }
            let dropped = try GRPOSetting.curve(directory + "/drop").map { $0.metrics["dropped"]! }
            #expect(dropped.allSatisfy { $0 < 12 } && dropped.contains { $0 > 0 }, "\(name): \(dropped)")
            setting.options.rollouts.failures = .stop
            let stopping = setting
            let error = await #expect(throws: TrainerError.self) { try await stopping.run(in: directory + "/stop") }
            #expect(start.duration(to: .now) < .seconds(500), "\(name) held the run up")
            #expect(error?.code == .rewardFailed && error!.message.contains(name), "\(name): \(String(describing: error))")
        }
    }

    @Test func whatCouldTeachNothingIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            var capped = GRPOSetting()
            capped.options.importanceCap = 0
            for (setting, message) in [
                (GRPOSetting(group: 1), "groupSize is 1; expected 2 or more"), (capped, "importanceCap is 0.0; expected more than 0"),
            ] {
                let error = await #expect(throws: TrainerError.self) { try await setting.run(in: directory) }
                #expect(error?.description == message, "\(String(describing: error))")
            }
        }
    }

    /// A loss says what it reads.
    @Test func whatTheLossDoesNotReadHasNoEffectAndIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            var (scaled, capped, plain) = (GRPOSetting(), GRPOSetting(), GRPOSetting())
            scaled.options.advantages = Advantages(scale: .none)
            capped.options.importanceCap = 2
            plain.steps = 1
            let loss = LossFunction("imitation") { outputs, batch in .mean(of: -outputs.logProbs, over: batch.targetMask) }
            for (setting, word) in [(scaled, "advantages"), (capped, "importanceCap"), (plain, nil)] {
                var setting = setting
                setting.loss = loss
                do {
                    _ = try await setting.run(in: directory)
                    #expect(word == nil, "\(word!) was ignored")
                } catch let error as TrainerError {
                    #expect(word.map { error.message.hasPrefix("\($0) has no effect on the loss \"imitation\"") } == true, "\(error)")
                }
            }
        }
    }

    @Test func problemsWithoutWhatARewardNeedsAreRefusedByLine() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/problems.jsonl"
            try #"{"prompt": "1", "answer": "1"}"#.appending("\n").appending(#"{"prompt": "2", "target": "4"}"#)
                .write(toFile: path, atomically: true, encoding: .utf8)
            let tokenizer = try await NativeTrainer(model: Golden.decoder("llama"), chatTemplate: "chatml").tokenizer()
            for reward in [Reward.exactMatch, .number, .contains, .number.weighted(0.5).within(.seconds(1))] {
                let error = #expect(throws: TrainerError.self) {
                    try ProblemSet(Examples(path: path)).examined(tokenizer: tokenizer, rewards: [.finished, reward])
                }
                #expect(error?.message.contains("line 2") == true && error?.message.contains("target") == true, "\(String(describing: error))")
                let kept = try ProblemSet(Examples(path: path, badLines: .skip)).examined(tokenizer: tokenizer, rewards: [reward])
                #expect(kept.source.count == 1 && kept.report?.rows == 2 && kept.report?.leftOutRows == 1, "\(String(describing: kept.report))")
            }
            #expect(try ProblemSet(Examples(path: path)).examined(tokenizer: tokenizer, rewards: [.finished]).source.count == 2)
        }
    }

    /// Answers "more" once, and then ends the conversation.
    private struct Repeater: Environment {
        var answers = 0
        mutating func respond(to reply: String) -> [ChatMessage]? {
            answers += 1
            return answers < 2 ? [ChatMessage(role: "user", content: "more")] : nil
        }
    }

    @Test func whatAnEnvironmentSaysIsReadAndNotLearned() async throws {
        try await withTemporaryDirectory { directory in
            let (stream, continuation) = AsyncStream.makeStream(of: (RolloutBatch, [[Conversation]]).self)
            var setting = GRPOSetting()
            setting.steps = 1
            setting.environment = { _ in Repeater() }
            setting.watches = { continuation.yield(($0, $1)) }
            _ = try await setting.run(in: directory)
            continuation.finish()
            let tokenizer = try await NativeTrainer(model: Golden.decoder("llama"), chatTemplate: "chatml").tokenizer()
            for await (rollout, conversations) in stream {
                for (trajectory, conversation) in zip(rollout.trajectories, conversations.joined()) {
                    #expect(conversation.messages.map(\.role) == ["assistant", "user", "assistant"])
                    #expect(trajectory.writtenCount <= 16 && trajectory.tokens.count == trajectory.isWritten.count)
                    let read = zip(trajectory.tokens, trajectory.isWritten).filter { !$0.1 }.map(\.0)
                    let text = try tokenizer.decode(read, skipSpecialTokens: false)
                    #expect(text.contains("more") && text.contains("Say"), "\(text)")
                    #expect(zip(trajectory.samplerLogProbs, trajectory.isWritten).allSatisfy { ($0.0 != 0) == $0.1 })
                }
            }
        }
    }
}

/// Conversations that no rollout has made.
@Suite struct OwnTrajectoryTests {
    @Test func aPromptAndACompletionMakeABatch() throws {
        let completion = Completion(tokens: [7, 8], logProbs: [-1, -2], finishReason: .length)
        let trajectories = [try Trajectory(prompt: [5, 6], completion: completion, reward: 1), try Trajectory(prompt: [5], completion: completion)]
        let batch = PolicyBatch.make(trajectories, advantages: [0.5, -0.5])
        #expect(batch.inputIDs.scalars == [5, 6, 7, 5, 7, 0] && batch.targetIDs.scalars == [6, 7, 8, 7, 8, 0])
        #expect(batch.targetMask?.scalars == [0, 1, 1, 1, 1, 0])
        #expect(batch.lossInputs["samplerLogProbs"]?.scalars == [0, -1, -2, -1, -2, 0])
        #expect(trajectories.map(\.reward) == [1, 0])
        #expect(throws: TrainerError.self) { try Trajectory(prompt: [], completion: completion) }
        #expect(throws: TrainerError.self) { try Trajectory(prompt: [5], completion: Completion(tokens: [7], logProbs: [], finishReason: .length)) }
    }
}
