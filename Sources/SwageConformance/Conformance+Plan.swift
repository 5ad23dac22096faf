import Swage

extension Conformance {
    /// Which promises are checked, and for how long.
    public struct Plan: Sendable {
        /// Those that are checked, in their order.
        public var invariants: [Invariant]
        /// Of them, those that are left out, with the reason, which stands in the report.
        public var skipped: [Invariant: String]
        /// The longest that one of them may take.
        public var timeLimit: Duration

        /// All nine promises, each for at most 300 seconds, unless said otherwise.
        public init(
            _ invariants: [Invariant] = Invariant.allCases, skipping skipped: [Invariant: String] = [:],
            timeLimit: Duration = .seconds(300)
        ) {
            (self.invariants, self.skipped, self.timeLimit) = (invariants, skipped, timeLimit)
        }
    }

    /// One invariant's outcome.
    public struct Finding: Sendable, CustomStringConvertible {
        /// What came of one check.
        public enum Outcome: Sendable, Equatable {
            /// The check came to its end, and nothing broke the promise.
            case kept
            /// What broke it.
            case broken(String)
            /// Why it was left out.
            case skipped(String)
        }

        /// The promise that was checked, or left out.
        public let invariant: Invariant
        /// Whether it was kept; if not, what broke it or why it was left out.
        public let outcome: Outcome
        /// How long the check took.
        public let duration: Duration

        /// What broke it; nil if nothing did.
        public var failure: String? { if case .broken(let what) = outcome { what } else { nil } }

        public var description: String {
            let promise = "\(invariant.rawValue). \(invariant.name)"
            return switch outcome {
            case .kept: "passed  \(promise)"
            case .broken(let what): "FAILED  \(promise): \(what)"
            case .skipped(let reason): "skipped \(promise): \(reason)"
            }
        }
    }

    /// Checks invariants, one after another.
    /// - Parameters:
    ///   - plan: which of them, in which order, and how long each may take; by default all, for at most 300 seconds each.
    ///   - observe: told of each outcome as soon as it is known.
    /// - Returns: the outcomes in the plan's order, those of what was left out among them.
    public func run(_ plan: Plan = .init(), observe: @Sendable (Finding) -> Void = { _ in }) async -> [Finding] {
        var findings: [Finding] = []
        for invariant in plan.invariants {
            let start = ContinuousClock.now
            let outcome: Finding.Outcome
            if let reason = plan.skipped[invariant] {
                outcome = .skipped(reason)
            } else {
                outcome = await self.outcome(of: invariant, within: plan.timeLimit)
            }
            findings.append(Finding(invariant: invariant, outcome: outcome, duration: start.duration(to: .now)))
            if !Task.isCancelled { observe(findings.last!) }
        }
        return findings
    }

    private func outcome(of invariant: Invariant, within limit: Duration) async -> Finding.Outcome {
        let calls = LastCall()
        do {
            try await within(limit, "the check") { try await Conformance(subject, noting: calls).check(invariant) }
            return .kept
        } catch _ where Task.isCancelled {
            return .skipped("the checks were interrupted")
        } catch {
            return .broken("\(error)\(calls.words)")
        }
    }
}
