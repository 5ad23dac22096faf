import Swage

/// Which conversations of a rollout are learned from, and by how much.
struct GroupSelection {
    struct Member {
        var trajectory: Trajectory
        var advantage: Double
    }

    /// The groups that are learned from.
    private let groups: [[Member]]
    /// What is worth watching of the whole rollout.
    let metrics: [String: Double]

    /// - Parameter verifier: the name of the reward that says what is right, by a score of 1 or more.
    init(_ rollout: RolloutBatch, _ options: GRPO.Options, verifier: String) {
        let advantages = options.advantages(rollout.groups.map { $0.map(\.reward) })
        let taught = Self.indices(in: rollout, options).map { index in
            zip(rollout.groups[index], advantages[index]).map { Member(trajectory: $0, advantage: $1) }
        }
        let unmasked = taught.map { group in
            options.masksOverlong ? group.filter { $0.trajectory.finishReason != .length } : group
        }
        groups = unmasked.contains { !$0.isEmpty } ? unmasked.filter { !$0.isEmpty } : Array(taught.prefix(1))
        metrics = Self.metrics(rollout, verifier: verifier)
    }

    /// The groups that are learned from. Where no group teaches anything, one of them still makes a step: the optimizer's
    /// momentum goes on.
    static func indices(in rollout: RolloutBatch, _ options: GRPO.Options) -> [Int] {
        let comparable = rollout.groups.indices.filter { rollout.groups[$0].count > 1 }
        if options.keepsEqualGroups { return comparable }
        let differing = comparable.filter { !isEqual(rollout.groups[$0]) }
        return differing.isEmpty ? Array(comparable.prefix(1)) : differing
    }

    private static func isEqual(_ group: [Trajectory]) -> Bool { Advantages.deviation(group.map(\.reward)) < 1e-8 }

    /// The conversations in batches of whole groups, at least `count` in each but the last.
    func batches(of count: Int) -> [[Member]] {
        groups.reduce(into: []) { batches, group in
            if batches.last.map({ $0.count >= count }) ?? true { batches.append([]) }
            batches[batches.count - 1] += group
        }
    }

    var tokenCount: Int { groups.joined().reduce(0) { $0 + $1.trajectory.tokens.count - 1 } }

    private static func metrics(_ rollout: RolloutBatch, verifier: String) -> [String: Double] {
        let trajectories = rollout.trajectories
        func mean(_ value: (Trajectory) -> Double) -> Double {
            trajectories.reduce(0) { $0 + value($1) } / Double(max(trajectories.count, 1))
        }
        var metrics: [String: Double] = [
            "reward": mean(\.reward), "accuracy": mean { $0.scores[verifier, default: 0] >= 1 ? 1 : 0 },
            "reward_deviation": Advantages.deviation(trajectories.map(\.reward)),
            "completion_length": mean { Double($0.writtenCount) },
            "overlong": mean { $0.finishReason == .length ? 1 : 0 },
            "equal_groups": Double(rollout.groups.count { $0.count > 1 && isEqual($0) }), "dropped": Double(rollout.failures.count),
        ]
        for name in trajectories.first?.scores.keys.sorted() ?? [] {
            metrics["reward/\(name)"] = mean { $0.scores[name] ?? 0 }
        }
        return metrics
    }
}
