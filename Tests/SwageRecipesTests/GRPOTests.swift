import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageText
import Synchronization
import Testing
import TestSupport

@Suite struct GRPOTests {
    /// Problems that differ in nothing that matters.
    private struct Numbers: ProblemSource {
        func problem(_ number: Int) -> Problem {
            Problem(messages: [ChatMessage(role: "user", content: "Say \(number % 9)")], answer: "\(number % 9)")
        }
    }

    /// How many of a reply's characters are of the first half of ASCII's letters: something that can be learned at once.
    private static let early = Reward("early") { conversation in
        let letters = conversation.reply.unicodeScalars.filter { $0.properties.isAlphabetic }
        return Double(letters.count { $0.value % 2 == 0 }) / Double(max(letters.count, 1))
    }

    private struct Setting {
        var steps = 6
        var options = GRPO.Options(steps: 6, problemsPerRollout: 3, microbatch: 4, heldOutProblems: 4, saveEvery: 2)
        var loss = LossFunction.grpo()
        var rewards = [early]
        var samplesApart = false
        var environment: (@Sendable (Problem) -> any Environment)?
        var watches: @Sendable (RolloutBatch, [[Conversation]]) -> Void = { _, _ in }
        var observe: @Sendable (GRPO.Event) -> Void = { _ in }

        init(group: Int = 4, tokens: Int = 8, failures: FailurePolicy = .stop) {
            options.rollouts = .init(
                groupSize: group, sampling: SamplingOptions(maxTokens: tokens, seed: 3), failures: failures)
        }
    }

    private func run(_ directory: String, _ setting: Setting) async throws -> GRPO.Outcome {
        let output = RunDirectory(path: directory)
        let model = Golden.decoder("llama")
        let trainer = try await NativeTrainer(
            model: model, optimizer: OptimizerOptions(learningRate: 3e-3), checkpointDirectory: output.checkpoints,
            keptCheckpoints: 2, chatTemplate: "chatml", threads: 2)
        var sampler = trainer.sampler
        if setting.samplesApart { sampler = try await NativeSampler(model: model, chatTemplate: "chatml", threads: 2) }
        let reference =
            setting.loss.program.fieldsRead.keys.contains("referenceLogProbs")
            ? try await NativeTrainer(model: model, chatTemplate: "chatml", threads: 2) : nil
        var options = setting.options
        options.steps = setting.steps
        if setting.environment != nil { options.rollouts.maxTurns = 3 }
        return try await GRPO(
            trainer: trainer, sampler: sampler, reference: reference, loss: setting.loss, problems: Numbers(),
            heldOut: Numbers(), rewards: setting.rewards, environment: setting.environment,
            tokenizer: try await trainer.tokenizer(), directory: output, settings: ["steps": "\(setting.steps)"],
            options: options, observeRollout: setting.watches, observe: setting.observe
        ).run()
    }

    private struct Line: Decodable, Equatable {
        var step: Int
        var loss: Double
        var gradientNorm: Double
        var metrics: [String: Double]

        static func == (a: Line, b: Line) -> Bool {
            func told(_ line: Line) -> [String: Double] {
                line.metrics.filter { !$0.key.contains("second") }
            }
            return (a.step, a.loss, a.gradientNorm) == (b.step, b.loss, b.gradientNorm) && told(a) == told(b)
        }
    }

    private func curve(_ directory: String) throws -> [Line] {
        try String(contentsOfFile: directory + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }

    @Test func theRewardRises() async throws {
        try await withTemporaryDirectory { directory in
            var setting = Setting(group: 8)
            setting.steps = 30
            guard case .finished = try await run(directory, setting) else {
                Issue.record("the run did not finish")
                return
            }
            let rewards = try curve(directory).map { $0.metrics["reward"]! }
            let (first, last) = (rewards.prefix(5).reduce(0, +) / 5, rewards.suffix(5).reduce(0, +) / 5)
            #expect(last > first + 0.2, "the reward went from \(first) to \(last)")
        }
    }

    @Test(arguments: [false, true]) func oneSeedGivesOneCurveBitForBit(_ isAsynchronous: Bool) async throws {
        try await withTemporaryDirectory { directory in
            var setting = Setting()
            setting.options.isAsynchronous = isAsynchronous
            setting.loss = .grpo(klCoefficient: 0.1)
            for name in ["a", "b"] { _ = try await run("\(directory)/\(name)", setting) }
            let (first, second) = (try curve(directory + "/a"), try curve(directory + "/b"))
            #expect(first.count == 6 && first == second, "\(first)\n\(second)")
            let staleness = first.map { $0.metrics["staleness"]! }
            #expect(staleness == (isAsynchronous ? [0, 1, 1, 1, 1, 1] : [0, 0, 0, 0, 0, 0]), "\(staleness)")
            #expect(first[0].metrics["reference_kl"]! < 1e-9)
        }
    }

    @Test(arguments: [(false, 1), (false, 3), (true, 1), (true, 2)])
    func aRunThatWasInterruptedGoesOnWithTheSameCurve(_ isAsynchronous: Bool, _ updates: Int) async throws {
        try await withTemporaryDirectory { directory in
            var setting = Setting()
            setting.steps = 8
            setting.options.isAsynchronous = isAsynchronous
            setting.options.updatesPerRollout = updates
            _ = try await run(directory + "/whole", setting)

            var interrupted = setting
            interrupted.observe = { if case .step(let step, _) = $0, step.step == 3 { cancelThisTask() } }
            let task = Task { [interrupted] in try await run(directory + "/broken", interrupted) }
            guard case .interrupted = try await task.value else {
                Issue.record("the cancelled run was not interrupted")
                return
            }
            _ = try await run(directory + "/broken", setting)
            #expect(try curve(directory + "/broken") == curve(directory + "/whole"))
        }
    }

    /// The cancellation comes when the passes are done and the rollout ahead still waits for its rewards.
    @Test func aRunThatWasInterruptedWhileItWaitedForTheRolloutAheadGoesOnToo() async throws {
        try await withTemporaryDirectory { directory in
            var setting = Setting()
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
            _ = try await run(directory + "/whole", setting)
            var interrupted = setting
            interrupted.observe = {
                guard case .step(let step, _) = $0, step.step == 3 else { return }
                waits.store(true, ordering: .releasing)
                continuation.yield()
            }
            let task = Task { [interrupted] in try await run(directory + "/broken", interrupted) }
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
            _ = try await run(directory + "/broken", setting)
            #expect(try curve(directory + "/broken") == curve(directory + "/whole"))
        }
    }

    @Test(arguments: [false, true]) func aRolloutOfWhichNothingIsLeftIsReplaced(_ isAsynchronous: Bool) async throws {
        try await withTemporaryDirectory { directory in
            var setting = Setting(failures: .drop)
            setting.steps = 3
            setting.options.isAsynchronous = isAsynchronous
            // The second rollout asks for 3, 4 and 5.
            setting.rewards = [
                Reward("picky") { conversation in
                    if ["3", "4", "5"].contains(conversation.problem.answer) { throw TrainerError(.invalidData, "not this one") }
                    return Double(conversation.reply.utf8.count % 7)
                }
            ]
            guard case .finished(let report) = try await run(directory, setting) else {
                Issue.record("the run did not finish")
                return
            }
            #expect(report.end.steps == 3)
        }
    }

    @Test func aSamplerOfItsOwnGivesTheSameCurve() async throws {
        try await withTemporaryDirectory { directory in
            var setting = Setting()
            _ = try await run(directory + "/shared", setting)
            setting.samplesApart = true
            _ = try await run(directory + "/apart", setting)
            let (shared, apart) = (try curve(directory + "/shared"), try curve(directory + "/apart"))
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
                trainer: trainer, sampler: NotingSampler(trainer: trainer) { noted.yield($0) }, problems: Numbers(),
                rewards: [Self.early], tokenizer: try await trainer.tokenizer(), directory: output,
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
            var setting = Setting()
            setting.steps = 3
            _ = try await run(directory + "/plain", setting)
            setting.options.importanceCap = 2
            _ = try await run(directory + "/corrected", setting)
            for (plain, corrected) in zip(try curve(directory + "/plain"), try curve(directory + "/corrected")) {
                #expect(abs(plain.gradientNorm - corrected.gradientNorm) < 1e-3 * plain.gradientNorm, "\(plain)\n\(corrected)")
            }
        }
    }

    private static let badRewards: [(name: String, reward: Reward)] = [
        ("throws", Reward("throws") { conversation in
            if conversation.reply.utf8.count % 2 == 0 { throw TrainerError(.invalidData, "no even replies") }
            return 1
        }),
        ("nan", Reward("nan") { $0.reply.utf8.count % 2 == 0 ? .nan : 1 }),
        ("slow", Reward("slow", timeout: .milliseconds(300)) { conversation in
            if conversation.reply.utf8.count % 2 == 0 { try await Task.sleep(for: .seconds(3600)) }
            return 1
        }),
        ("hangs", Reward("hangs", timeout: .milliseconds(300)) { conversation in
            // Heeds no cancellation.
            let end = ContinuousClock.now + .seconds(600)
            while conversation.reply.utf8.count % 2 == 0, ContinuousClock.now < end {
                usleep(10_000)
                await Task.yield()
            }
            return 1
        }),
        ("blocks", Reward("blocks", timeout: .milliseconds(300)) { conversation in
            if conversation.reply.utf8.count % 2 == 0 { usleep(600_000_000) }
            return 1
        }),
    ]

    @Test(arguments: badRewards.indices) func aBadRewardIsDroppedAndCountedOrStopsTheRunWithItsName(_ index: Int) async throws {
        let (name, bad) = Self.badRewards[index]
        let start = ContinuousClock.now
        try await withTemporaryDirectory { directory in
            var setting = Setting(failures: .drop)
            setting.steps = 2
            setting.options.heldOutProblems = 1
            setting.rewards = [Self.early, bad]
            guard case .finished = try await run(directory + "/drop", setting) else {
                Issue.record("\(name): the run did not finish")
                return
            }
            let dropped = try curve(directory + "/drop").map { $0.metrics["dropped"]! }
            #expect(dropped.allSatisfy { $0 < 12 } && dropped.contains { $0 > 0 }, "\(name): \(dropped)")
            setting.options.rollouts.failures = .stop
            let stopping = setting
            let error = await #expect(throws: TrainerError.self) { try await run(directory + "/stop", stopping) }
            #expect(start.duration(to: .now) < .seconds(500), "\(name) held the run up")
            #expect(error?.code == .rewardFailed && error!.message.contains(name), "\(name): \(String(describing: error))")
        }
    }

    @Test func whatCouldTeachNothingIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            var capped = Setting()
            capped.options.importanceCap = 0
            for (setting, message) in [
                (Setting(group: 1), "groupSize is 1; expected 2 or more"), (capped, "importanceCap is 0.0; expected more than 0"),
            ] {
                let error = await #expect(throws: TrainerError.self) { try await run(directory, setting) }
                #expect(error?.description == message, "\(String(describing: error))")
            }
        }
    }

    @Test func equalAndOverlongGroupsAreCountedAndDoNoHarm() async throws {
        try await withTemporaryDirectory { directory in
            var setting = Setting()
            setting.steps = 2
            setting.rewards = [Reward("constant") { _ in 1 }]
            setting.options.masksOverlong = true
            _ = try await run(directory, setting)
            for line in try curve(directory) {
                #expect(line.metrics["equal_groups"] == 3 && line.gradientNorm == 0, "\(line)")
                #expect(line.metrics["overlong"]! > 0)
            }
        }
    }

    /// The largest difference of a weight between a model and a run's result.
    private func largestMove(_ directory: String) throws -> Double {
        let (before, after) = (try GoldenTensors(Golden.decoder("llama") + "/model.safetensors"), try GoldenTensors(directory + "/model/model.safetensors"))
        return try before.names.reduce(0) { worst, name in
            try max(worst, zip(before.floats(name).scalars, after.floats(name).scalars).reduce(0) { max($0, abs(Double($1.0 - $1.1))) })
        }
    }

    @Test func whereEveryAnswerIsOverlongAndMaskedNoWeightMoves() async throws {
        try await withTemporaryDirectory { directory in
            var setting = Setting(tokens: 2)
            setting.steps = 3
            setting.options.masksOverlong = true
            setting.rewards = [Reward("varied") { Double($0.reply.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % 17 }) }]
            _ = try await run(directory, setting)
            let lines = try curve(directory)
            #expect(lines.map(\.step) == [1, 2, 3])
            #expect(lines.contains { $0.metrics["overlong"] == 1 && $0.metrics["reward_deviation"]! > 0 }, "\(lines)")
            for line in lines where line.metrics["overlong"] == 1 {
                #expect(line.gradientNorm == 0 && line.loss == 0 && line.metrics["idle"] == 1, "\(line)")
            }
            if lines.allSatisfy({ $0.metrics["idle"] == 1 }) { #expect(try largestMove(directory) == 0) }
        }
    }

    @Test func whereAllRewardsAreEqualNoWeightMovesEvenIfSuchGroupsAreKept() async throws {
        try await withTemporaryDirectory { directory in
            var setting = Setting()
            setting.steps = 2
            setting.options.keepsEqualGroups = true
            setting.rewards = [Reward("tenth") { _ in 0.1 }]
            _ = try await run(directory, setting)
            let move = try largestMove(directory)
            #expect(try move == 0 && curve(directory).allSatisfy { $0.metrics["idle"] == 1 }, "a weight moved by \(move)")
        }
    }

    @Test func aRunWithStepsThatHadNothingToLearnGoesOnAsTheUnbrokenOne() async throws {
        try await withTemporaryDirectory { directory in
            var setting = Setting()
            setting.steps = 6
            setting.options.problemsPerRollout = 1
            setting.rewards = [
                Reward("sometimes") { conversation in
                    Int(conversation.problem.answer!)! % 2 == 0 ? 1 : Double(conversation.reply.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % 17 })
                }
            ]
            _ = try await run(directory + "/whole", setting)
            let whole = try curve(directory + "/whole")
            #expect(whole.map(\.step) == Array(1...6) && Set(whole.map { $0.metrics["idle"] ?? 0 }) == [0, 1], "\(whole)")
            for last in [3, 4] {
                var broken = setting
                broken.observe = { if case .step(let step, _) = $0, step.step == last { cancelThisTask() } }
                let breaking = broken
                let task = Task { try await run("\(directory)/broken-\(last)", breaking) }
                guard case .interrupted(let step, _) = try await task.value, step == last else {
                    Issue.record("the cancelled run was not interrupted at \(last)")
                    return
                }
                _ = try await run("\(directory)/broken-\(last)", setting)
                #expect(try curve("\(directory)/broken-\(last)") == whole, "interrupted at \(last)")
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
                    try ProblemFile(JSONLines(path: path)).examined(tokenizer: tokenizer, rewards: [.finished, reward])
                }
                #expect(error?.message.contains("line 2") == true && error?.message.contains("target") == true, "\(String(describing: error))")
                let kept = try ProblemFile(JSONLines(path: path, badLines: .skip)).examined(tokenizer: tokenizer, rewards: [reward])
                #expect(kept.source.count == 1 && kept.report?.rows == 2 && kept.report?.leftOutRows == 1, "\(String(describing: kept.report))")
            }
            #expect(try ProblemFile(JSONLines(path: path)).examined(tokenizer: tokenizer, rewards: [.finished]).source.count == 2)
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
            var setting = Setting()
            setting.steps = 1
            setting.environment = { _ in Repeater() }
            setting.watches = { continuation.yield(($0, $1)) }
            _ = try await run(directory, setting)
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
