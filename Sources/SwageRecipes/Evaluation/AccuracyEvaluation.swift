public import Swage
public import SwageText

/// Asks a model problems, and counts the right answers.
public struct AccuracyEvaluation: Sendable {
    private let rollouts: Rollouts
    private let problems: any ProblemSource
    /// How many problems are asked.
    public let count: Int
    /// What became of the problems, where they are of a file.
    public let report: DataReport?
    private let verifier: Reward
    private let environment: String

    /// - Parameters:
    ///   - sampler: writes the answers.
    ///   - tokenizer: that of the sampler's model.
    ///   - problems: where the problems come from.
    ///   - count: how many problems of the source are asked, from the first on: all, where it has fewer.
    ///   - verifier: says that an answer is right by a score of 1 or more.
    ///   - environment: makes what answers the model; nil for conversations of one reply.
    ///   - samples: how many answers to each problem. One is the likeliest; several are drawn.
    ///   - options: how answers are drawn, how long they may be, and what to do where the verifier fails: an answer that is
    ///     dropped is not right.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`, or `invalidData` for a problem of a file that cannot be asked
    ///   or scored.
    public init(
        _ sampler: any Sampler, tokenizer: any Tokenizer, problems: any ProblemSource, count: Int, verifier: Reward,
        environment: (@Sendable (Problem) -> any Environment)? = nil, samples: Int = 1, options: Rollouts.Options
    ) throws {
        guard count > 0 else { throw TrainerError(.invalidOption, "\(count) problems are to be asked", expected: "1 or more") }
        var options = options
        options.groupSize = samples
        if samples == 1 { options.sampling.temperature = 0 }
        rollouts = try Rollouts(
            sampler, tokenizer: tokenizer, rewards: [verifier], environment: environment, options: options)
        let examined = try problems.examined(tokenizer: tokenizer, rewards: [verifier])
        (self.problems, report, self.verifier) = (examined.source, examined.report, verifier)
        self.count = min(count, examined.source.count ?? count)
        self.environment = environment == nil ? "none" : "in code"
    }

    /// What the answers depend on beside the model.
    func identity() throws -> RunIdentity {
        var options = RunIdentity.listing(rollouts.options)
        options.merge(["problems": "\(count)", "verifier": verifier.name, "environment": environment]) { $1 }
        var identity = RunIdentity(recipe: "evaluate", options: options, contents: ["the problems": try problems.content()])
        identity.add(dayOf: rollouts.tokenizer)
        return identity
    }

    /// - Parameters:
    ///   - record: a file to which every problem adds a line with its answers, an ``AnsweredProblem``. What stands there is
    ///     not asked again.
    ///   - progress: called with how much is done, from 0 to 1.
    /// - Throws: ``Swage/TrainerError`` with code `checkpointMismatch` if the record is of other problems.
    public func run(record: String? = nil, progress: (@Sendable (Double) -> Void)? = nil) async throws -> Accuracy {
        let samples = rollouts.options.groupSize
        let file = try record.map { path in
            try RecordFile<AnsweredProblem>(path) { _, problem in
                problem.answers.count <= samples ? nil : "it has \(problem.answers.count) answers, not \(samples)"
            }
        }
        try file?.check(parts: count) { try $1.problem == problems.problem($0) }
        var right = file?.kept.map { $0.right(by: verifier) } ?? []
        let part = max(1, 2 * rollouts.options.sampling.concurrency / samples)
        progress?(Double(right.count) / Double(count))
        while right.count < count {
            let answered = try await ask(right.count..<min(right.count + part, count))
            try file?.append(answered)
            try file?.synchronize()
            right += answered.map { $0.right(by: verifier) }
            progress?(Double(right.count) / Double(count))
        }
        return Accuracy(problems: count, samples: samples, right: right)
    }

    private func ask(_ numbers: Range<Int>) async throws -> [AnsweredProblem] {
        let (rollout, conversations) = try await rollouts.collect(numbers, of: problems)
        return try zip(numbers, zip(rollout.groups, conversations)).map { number, group in
            AnsweredProblem(
                problem: try problems.problem(number),
                answers: zip(group.0, group.1).map { .init(messages: $1.messages, scores: $0.scores) })
        }
    }
}

/// A problem, and what a model said to it.
public struct AnsweredProblem: Sendable, Equatable, Codable {
    /// One conversation about the problem, and its scores.
    public struct Answer: Sendable, Equatable, Codable {
        /// What came after the problem's own messages.
        public var messages: [ChatMessage]
        /// The scores by the names of their rewards.
        public var scores: [String: Double]
    }

    /// What was asked, as the source of the problems has it.
    public var problem: Problem
    /// The answers, without those whose verifier failed.
    public var answers: [Answer]

    func right(by verifier: Reward) -> Int { answers.count { $0.scores[verifier.name, default: 0] >= 1 } }
}

extension AnsweredProblem: Recorded {
    var fault: String? { nil }
}
