import Foundation
import Swage
import SwageNative
import SwageRecipes
import SwageText
import Synchronization
import Testing
import TestSupport

/// Steps with nothing to learn: they are counted, and move nothing.
@Suite struct GRPOIdleStepTests {
    @Test func equalAndOverlongGroupsAreCountedAndDoNoHarm() async throws {
        try await withTemporaryDirectory { directory in
            var setting = GRPOSetting()
            setting.steps = 2
            setting.rewards = [Reward("constant") { _ in 1 }]
            setting.options.masksOverlong = true
            _ = try await setting.run(in: directory)
            for line in try GRPOSetting.curve(directory) {
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
            var setting = GRPOSetting(tokens: 2)
            setting.steps = 3
            setting.options.masksOverlong = true
            setting.rewards = [Reward("varied") { Double($0.reply.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % 17 }) }]
            _ = try await setting.run(in: directory)
            let lines = try GRPOSetting.curve(directory)
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
            var setting = GRPOSetting()
            setting.steps = 2
            setting.options.keepsEqualGroups = true
            setting.rewards = [Reward("tenth") { _ in 0.1 }]
            _ = try await setting.run(in: directory)
            let move = try largestMove(directory)
            #expect(try move == 0 && GRPOSetting.curve(directory).allSatisfy { $0.metrics["idle"] == 1 }, "a weight moved by \(move)")
        }
    }

    @Test func aRunWithStepsThatHadNothingToLearnGoesOnAsTheUnbrokenOne() async throws {
        try await withTemporaryDirectory { directory in
            var setting = GRPOSetting()
            setting.steps = 6
            setting.options.problemsPerRollout = 1
            setting.rewards = [
                Reward("sometimes") { conversation in
                    Int(conversation.problem.answer!)! % 2 == 0 ? 1 : Double(conversation.reply.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % 17 })
                }
            ]
            _ = try await setting.run(in: directory + "/whole")
            let whole = try GRPOSetting.curve(directory + "/whole")
            #expect(whole.map(\.step) == Array(1...6) && Set(whole.map { $0.metrics["idle"] ?? 0 }) == [0, 1], "\(whole)")
            for last in [3, 4] {
                var broken = setting
                broken.observe = { if case .step(let step, _) = $0, step.step == last { cancelThisTask() } }
                let breaking = broken
                let task = Task { try await breaking.run(in: "\(directory)/broken-\(last)") }
                guard case .interrupted(let step, _) = try await task.value, step == last else {
                    Issue.record("the cancelled run was not interrupted at \(last)")
                    return
                }
                _ = try await setting.run(in: "\(directory)/broken-\(last)")
                #expect(try GRPOSetting.curve("\(directory)/broken-\(last)") == whole, "interrupted at \(last)")
            }
        }
    }
}
