import Swage

/// How rewards of a group of conversations about one problem become advantages.
public struct Advantages: Sendable, Equatable {
    /// What a reward is compared with.
    public enum Baseline: String, Sendable, CaseIterable {
        /// The mean of the group (Shao et al., 2024, DeepSeekMath).
        case mean
        /// The mean of the others in the group (Ahmadian et al., 2024, RLOO).
        case leaveOneOut = "leave-one-out"
    }

    /// What the difference is divided by.
    public enum Scale: String, Sendable, CaseIterable {
        /// The group's standard deviation (Shao et al., 2024, DeepSeekMath).
        case group
        /// The standard deviation of all rewards of a rollout (Hu et al., 2025, REINFORCE++).
        case batch
        /// Nothing (Liu et al., 2025, Dr. GRPO).
        case none
    }

    /// What is taken from each reward of a group.
    public var baseline: Baseline
    /// What the difference is divided by. To a deviation, 1e-4 is added.
    public var scale: Scale

    /// By default those of GRPO (Shao et al., 2024).
    public init(baseline: Baseline = .mean, scale: Scale = .group) { (self.baseline, self.scale) = (baseline, scale) }

    /// What keeps a quotient of small numbers small.
    private static let epsilon = 1e-4

    /// The advantage of each member of each group; a group of one has none.
    public func callAsFunction(_ groups: [[Double]]) -> [[Double]] {
        let spread = Self.deviation(groups.flatMap { $0 })
        return groups.map { rewards in
            // Rounding is no difference.
            guard rewards.count > 1, !Self.areEqual(rewards) else { return rewards.map { _ in 0 } }
            let sum = rewards.reduce(0, +)
            let divisor =
                switch scale {
                case .group: Self.deviation(rewards) + Self.epsilon
                case .batch: spread + Self.epsilon
                case .none: 1.0
                }
            return rewards.map { reward in
                let base =
                    switch baseline {
                    case .mean: sum / Double(rewards.count)
                    case .leaveOneOut: (sum - reward) / Double(rewards.count - 1)
                    }
                return (reward - base) / divisor
            }
        }
    }

    static func areEqual(_ rewards: [Double]) -> Bool { deviation(rewards) < 1e-8 }

    /// The standard deviation of a sample.
    static func deviation(_ values: [Double]) -> Double {
        guard values.count > 1 else { return 0 }
        let mean = values.reduce(0, +) / Double(values.count)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }
}
