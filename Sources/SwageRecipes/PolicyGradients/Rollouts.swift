public import Swage

/// Lets a model talk about problems, several times about each, and has what it says scored.
public struct Rollouts: Sendable {
    /// How conversations are held.
    public struct Options: Sendable, Equatable {
        /// How many conversations there are about each problem.
        public var groupSize: Int
        /// How tokens are chosen, and the most of them in a reply. Each conversation draws from a stream of its own.
        public var sampling: SamplingOptions
        /// The most replies of a conversation with an environment.
        public var maxTurns: Int
        /// What to do where a reward or an environment fails.
        public var failures: FailurePolicy
        /// How long an environment may take for an answer.
        public var environmentTimeout: Duration

        /// By default 8 conversations about each problem, of at most 8 replies each; the first failure stops the run, and so
        /// does an environment that takes longer than 60 seconds.
        public init(
            groupSize: Int = 8, sampling: SamplingOptions = .init(), maxTurns: Int = 8, failures: FailurePolicy = .stop,
            environmentTimeout: Duration = .seconds(60)
        ) {
            (self.groupSize, self.sampling, self.maxTurns) = (groupSize, sampling, maxTurns)
            (self.failures, self.environmentTimeout) = (failures, environmentTimeout)
        }
    }

    let sampler: any Sampler
    let tokenizer: any Tokenizer
    let rewards: [Reward]
    let environment: (@Sendable (Problem) -> any Environment)?
    let options: Options

    /// - Parameters:
    ///   - sampler: writes the model's replies.
    ///   - tokenizer: that of the sampler's model.
    ///   - rewards: what conversations are scored by, one or more of different names.
    ///   - environment: makes what answers the model; nil for conversations of one reply.
    ///   - options: how conversations are held; by default 8 about each problem.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    public init(
        _ sampler: any Sampler, tokenizer: any Tokenizer, rewards: [Reward],
        environment: (@Sendable (Problem) -> any Environment)? = nil, options: Options = .init()
    ) throws {
        func check(_ fits: Bool, _ found: String, _ expected: String) throws {
            guard fits else { throw TrainerError(.invalidOption, found, expected: expected) }
        }
        let names = rewards.map(\.name)
        try check(!names.isEmpty && Set(names).count == names.count, "the rewards are \(names)", "one or more, of different names")
        try check(options.groupSize > 0, "groupSize is \(options.groupSize)", "1 or more")
        try check(options.maxTurns > 0, "maxTurns is \(options.maxTurns)", "1 or more")
        (self.sampler, self.tokenizer, self.rewards) = (sampler, tokenizer, rewards)
        (self.environment, self.options) = (environment, options)
    }

    /// A conversation in the making.
    struct Talk: Sendable {
        var conversation: Conversation
        var trajectory: Trajectory
        var environment: (any Environment)?
        /// The stream of its first reply.
        let stream: UInt64
        var isOver = false
        var failure: RewardFailure?
    }

    /// Talks about the problems of a source that have these numbers.
    /// - Parameters:
    ///   - numbers: which problems. There is a group of conversations about each of them, in this order.
    ///   - source: where the problems come from.
    ///   - onStart: called when the model begins to write, and again with every token.
    /// - Throws: ``Swage/TrainerError`` from the sampler, or with code `rewardFailed` where failures stop a run.
    public func collect(
        _ numbers: Range<Int>, of source: any ProblemSource, onStart: @escaping @Sendable () -> Void = {}
    ) async throws -> (rollout: RolloutBatch, conversations: [[Conversation]]) {
        var talks: [Talk] = []
        for number in numbers {
            let problem = try source.problem(number)
            let prompt = try tokenizer.encode(chat: problem.messages, addGenerationPrompt: true).ids
            for member in 0..<options.groupSize {
                talks.append(
                    Talk(
                        conversation: Conversation(problem: problem, messages: []), trajectory: Trajectory(prompt: prompt),
                        environment: environment?(problem),
                        stream: UInt64(number * options.groupSize + member) &* UInt64(options.maxTurns)))
            }
        }
        var (writing, scoring) = (Duration.zero, Duration.zero)
        for turn in 0..<options.maxTurns where talks.contains(where: { !$0.isOver }) {
            try await measuring(&writing) { try await reply(&talks, turn: turn, onStart) }
            try await measuring(&scoring) { try await answer(&talks, isLast: turn + 1 == options.maxTurns) }
        }
        try await measuring(&scoring) { talks = try await mapping(talks) { try await score($0) } }
        let groups = stride(from: 0, to: talks.count, by: options.groupSize).map { talks[$0..<$0 + options.groupSize] }
        let kept = groups.map { $0.filter { $0.failure == nil } }
        return (
            RolloutBatch(
                groups: kept.map { $0.map(\.trajectory) }, failures: talks.compactMap { $0.failure?.error.message },
                writingSeconds: writing / .seconds(1), scoringSeconds: scoring / .seconds(1)),
            kept.map { $0.map(\.conversation) }
        )
    }

    /// Lets the model write its next reply in every conversation that is not over.
    private func reply(_ talks: inout [Talk], turn: Int, _ onStart: @escaping @Sendable () -> Void) async throws {
        let open = talks.indices.filter { !talks[$0].isOver }
        var sampling = options.sampling
        sampling.streams = open.map { talks[$0].stream &+ UInt64(turn) }
        let completions = try await sampler.generate(open.map { talks[$0].trajectory.tokens }, options: sampling) { _, _ in
            onStart()
        }.answering(prompts: open.count, sampling)
        for (index, completion) in zip(open, completions) {
            talks[index].trajectory.append(completion)
            talks[index].conversation.finishReason = completion.finishReason
            talks[index].conversation.messages.append(
                ChatMessage(role: "assistant", content: try tokenizer.text(of: completion, stopStrings: sampling.stopStrings)))
        }
    }

    /// Lets the environments answer, all at once.
    private func answer(_ talks: inout [Talk], isLast: Bool) async throws {
        talks = try await mapping(talks) { talk in
            guard !talk.isOver else { return talk }
            var talk = talk
            guard let environment = talk.environment else {
                talk.isOver = true
                return talk
            }
            let reply = talk.conversation.reply
            let (answered, messages) = try await RewardFailure.translating(
                "the environment", within: options.environmentTimeout
            ) {
                var environment = environment
                let messages = try await environment.respond(to: reply)
                return (environment, messages)
            }
            talk.environment = answered
            guard let messages, !messages.isEmpty, !isLast else {
                talk.isOver = true
                return talk
            }
            talk.conversation.messages += messages
            talk.trajectory.append(read: try tokensAfterReply(talk))
            return talk
        }
    }

    /// What stands between the model's last reply and its next one.
    private func tokensAfterReply(_ talk: Talk) throws -> ArraySlice<Int32> {
        let chat = try tokenizer.encode(
            chat: talk.conversation.problem.messages + talk.conversation.messages, addGenerationPrompt: true)
        guard let end = chat.isTarget.lastIndex(of: true) else { return [] }
        // The token that ends a turn is the model's to write, be it this one or another, unless something else has ended it.
        let hasEnded = talk.conversation.finishReason == .endOfSequence || talk.trajectory.tokens.last == chat.ids[end]
        return hasEnded ? chat.ids[(end + 1)...] : chat.ids[end...]
    }

    private func score(_ talk: Talk) async throws -> Talk {
        var talk = talk
        for reward in rewards {
            let score = try await reward(talk.conversation)
            talk.trajectory.scores[reward.name] = score
            talk.trajectory.reward += reward.weight * score
        }
        return talk
    }

    /// Does something for every conversation at once; those in which it fails are over.
    private func mapping(_ talks: [Talk], _ body: @escaping @Sendable (Talk) async throws -> Talk) async throws -> [Talk] {
        try await withThrowingTaskGroup(of: (Int, Talk).self) { group in
            for (index, talk) in talks.enumerated() where talk.failure == nil {
                group.addTask {
                    do {
                        return (index, try await body(talk))
                    } catch let failure as RewardFailure {
                        if options.failures == .stop { throw failure.error }
                        var talk = talk
                        (talk.isOver, talk.failure) = (true, failure)
                        return (index, talk)
                    }
                }
            }
            var result = talks
            for try await (index, talk) in group { result[index] = talk }
            return result
        }
    }

    private func measuring(_ total: inout Duration, _ body: () async throws -> Void) async rethrows {
        let start = ContinuousClock.now
        defer { total += start.duration(to: .now) }
        try await body()
    }
}
