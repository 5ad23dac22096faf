import Foundation
public import Swage

/// What a conversation is worth.
///
/// ```swift
/// let brief = Reward("brief", weight: 0.1) { $0.reply.count < 40 ? 1 : 0 }
/// ```
public struct Reward: Sendable {
    /// What its scores are called in records and metrics. Of the rewards of a run no two have the same.
    public let name: String
    /// By how much it counts in the sum of all rewards.
    public let weight: Double
    /// How long it may take. What takes longer has failed.
    public let timeout: Duration
    let score: @Sendable (Conversation) async throws -> Double
    let cannotScore: @Sendable (Problem) -> String?

    /// - Parameters:
    ///   - name: what its scores are called in records and metrics. No other reward of a run may be called the same.
    ///   - weight: by how much a score counts in the sum of all rewards.
    ///   - timeout: how long a score may take. What takes longer has failed.
    ///   - cannotScore: what is missing from a problem without which no answer to it could be right, such as "has no answer"; nil
    ///     where nothing is. ``GRPO`` and ``AccuracyEvaluation`` look through a ``ProblemSet`` for such problems before any is
    ///     asked: they are refused, or left out where bad lines are skipped. A source that is written in code is not looked
    ///     through, and its problems score what `score` says.
    ///   - score: what a conversation is worth, a finite number. Where it throws or is not finite, it has failed: see
    ///     ``FailurePolicy``.
    public init(
        _ name: String, weight: Double = 1, timeout: Duration = .seconds(60),
        cannotScore: @escaping @Sendable (Problem) -> String? = { _ in nil },
        score: @escaping @Sendable (Conversation) async throws -> Double
    ) {
        (self.name, self.weight, self.timeout, self.score) = (name, weight, timeout, score)
        self.cannotScore = cannotScore
    }

    /// The score of a conversation.
    /// - Throws: ``RewardFailure`` for a reward that throws, takes too long, or is not finite.
    package func callAsFunction(_ conversation: Conversation) async throws -> Double {
        let value = try await RewardFailure.translating(name, within: timeout) { [score] in try await score(conversation) }
        guard value.isFinite else { throw RewardFailure(name: name, reason: "is \(value)") }
        return value
    }
}

/// What a run does about a conversation whose reward or environment fails.
public enum FailurePolicy: String, Sendable, CaseIterable {
    /// It is left out, and counted.
    case drop
    /// The run stops, and names what has failed.
    case stop
}

/// A reward or an environment that gave nothing to go on with.
struct RewardFailure: Error {
    let name: String
    let reason: String

    /// The result of `body`, with what it throws, and the time that it takes too long, as failures of `name`.
    static func translating<Result: Sendable>(
        _ name: String, within limit: Duration, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        do {
            return try await withDeadline(limit, body)
        } catch is CancellationError where Task.isCancelled {
            throw CancellationError()
        } catch is DeadlineExceeded {
            throw RewardFailure(name: name, reason: "took longer than \(limit)")
        } catch {
            throw RewardFailure(name: name, reason: "threw \(error)")
        }
    }

    var error: TrainerError {
        TrainerError(
            .rewardFailed, "\"\(name)\" \(reason)", expected: "a finite number in time, or to drop such completions")
    }
}

extension TrainerError.Code {
    /// A reward or an environment failed.
    public static let rewardFailed = TrainerError.Code(rawValue: "rewardFailed")
}
