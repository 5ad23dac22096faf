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

    /// - Parameters:
    ///   - loss: what learns from the groups.
    ///   - verifier: the name of the reward that says what is right, by a score of 1 or more.
    init(_ rollout: RolloutBatch, _ options: GRPO.Options, loss: LossFunction, verifier: String) {
        let advantages = options.advantages(rollout.groups.map { $0.map(\.reward) })
        let taught = Self.indices(in: rollout, options).map { index in
            zip(rollout.groups[index], advantages[index]).map { Member(trajectory: $0, advantage: $1) }.filter { member in
                member.trajectory.writtenCount > 0 && !(options.masksOverlong && member.trajectory.finishReason == .length)
            }
        }
        let teaches = taught.joined().contains { $0.advantage != 0 } || loss.teachesWithoutAdvantages
        groups = teaches ? taught.filter { !$0.isEmpty } : []
        metrics = Self.metrics(rollout, verifier: verifier)
    }

    /// Whether nothing is learned from. What an optimizer makes of gradients that are nothing but rounding moves weights as
    /// far as any other step.
    var isEmpty: Bool { groups.isEmpty }

    /// The groups that may be learned from.
    static func indices(in rollout: RolloutBatch, _ options: GRPO.Options) -> [Int] {
        rollout.groups.indices.filter { index in
            rollout.groups[index].count > 1 && (options.keepsEqualGroups || !isEqual(rollout.groups[index]))
        }
    }

    private static func isEqual(_ group: [Trajectory]) -> Bool { Advantages.areEqual(group.map(\.reward)) }

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

extension LossFunction {
    /// Whether there is something to learn where no conversation is worth more than another: nearness to a reference, or
    /// whatever a loss of somebody else's adds.
    fileprivate var teachesWithoutAdvantages: Bool {
        let stock: [LossFunction] = [.grpo(), .gspo(), .ppo(), .cispo(), .dro(), .importanceSampling, .reinforce]
        return reads("referenceLogProbs") || !stock.contains { $0.name == name }
    }
}
