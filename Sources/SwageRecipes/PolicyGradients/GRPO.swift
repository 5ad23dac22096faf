import Foundation
public import Swage
public import SwageText

/// Group relative policy optimization (Shao et al., 2024): a model writes several answers to each problem, and learns
/// to write those that are worth more than the others.
///
/// Everything goes into a ``RunDirectory``. A run that was interrupted goes on from its last checkpoint, with the same
/// rewards bit for bit where trainer and sampler are deterministic.
public struct GRPO: Sendable {
    /// How long a run is, what it asks, and how it learns from the answers.
    public struct Options: Sendable, Equatable {
        /// The number of optimizer steps.
        public var steps: Int
        /// How many problems a rollout has.
        public var problemsPerRollout: Int
        /// How many optimizer steps are taken on each rollout.
        public var updatesPerRollout: Int
        /// How many conversations are trained on at once, rounded up to whole groups.
        public var microbatch: Int
        /// How conversations are held. Here a group has 2 or more.
        public var rollouts: Rollouts.Options
        /// How rewards become advantages, which reach only losses that read `targetWeights`.
        public var advantages: Advantages
        /// Whether conversations that reached the limit of tokens are kept from the loss. They count in their group's
        /// baseline all the same (Yu et al., 2025, DAPO).
        public var masksOverlong: Bool
        /// Whether groups in which all rewards are equal are trained on. They teach nothing but nearness to a reference.
        public var keepsEqualGroups: Bool
        /// Whether the next rollout is written while the model learns from this one, by weights one rollout old.
        public var isAsynchronous: Bool
        /// Weighs tokens by how much likelier they are to the trainer than to the sampler, up to this (Yao et al., 2025,
        /// truncated importance sampling); nil takes the sampler's log-probabilities for the trainer's own.
        public var importanceCap: Double?
        /// How many held-out problems are measured before and after.
        public var heldOutProblems: Int
        /// How many answers to each of them; 1 for the likeliest alone.
        public var heldOutSamples: Int
        /// After how many steps a checkpoint is written; one is always written at the end.
        public var saveEvery: Int?

        /// Only the number of steps has no default. By default each step learns from a rollout of its own: 8 answers to
        /// each of 8 problems.
        public init(
            steps: Int, problemsPerRollout: Int = 8, updatesPerRollout: Int = 1, microbatch: Int = 16,
            rollouts: Rollouts.Options = .init(), advantages: Advantages = .init(), masksOverlong: Bool = false,
            keepsEqualGroups: Bool = false, isAsynchronous: Bool = false, importanceCap: Double? = nil,
            heldOutProblems: Int = 200, heldOutSamples: Int = 1, saveEvery: Int? = nil
        ) {
            (self.steps, self.problemsPerRollout, self.updatesPerRollout) = (steps, problemsPerRollout, updatesPerRollout)
            (self.microbatch, self.rollouts, self.advantages) = (microbatch, rollouts, advantages)
            (self.masksOverlong, self.keepsEqualGroups) = (masksOverlong, keepsEqualGroups)
            (self.isAsynchronous, self.importanceCap) = (isAsynchronous, importanceCap)
            (self.heldOutProblems, self.heldOutSamples, self.saveEvery) = (heldOutProblems, heldOutSamples, saveEvery)
        }
    }

    /// What came out.
    public struct Report: Sendable, Equatable, Codable {
        /// How many held-out problems were answered rightly before the first step; nil where there are none.
        public var before: Accuracy?
        /// How many of the same problems were answered rightly after the last step; nil where there are none.
        public var after: Accuracy?
        /// What became of the problems, and of the held-out ones, where they are of a file.
        public var data: [DataReport]?
        /// What the steps took, and where the model lies.
        public var end: TrainingEnd
    }

    /// What a run tells of while it goes on. It measures the accuracy on held-out problems; nil where there are none.
    public typealias Event = TrainingEvent<Accuracy?>
    /// How a run ended, with what came out of it.
    public typealias Outcome = TrainingOutcome<Report>

    private let algorithm: GRPOAlgorithm
    private let run: TrainingRun
    private let observe: @Sendable (Event) -> Void

    /// - Parameters:
    ///   - trainer: its default place of checkpoints is the directory's.
    ///   - sampler: writes the conversations. One that does not share the trainer's weights gets them before each rollout.
    ///   - reference: what the policy is kept near to, if `loss` reads `referenceLogProbs`. It is never trained.
    ///   - loss: ``Swage/LossFunction/grpo(clip:normalization:klCoefficient:klEstimator:)``, or another that learns from
    ///     advantages.
    ///   - problems: where the problems come from that the model learns from.
    ///   - heldOut: problems that are measured and not learned from; nil for none.
    ///   - rewards: the first of them also says whether an answer is right: if its score is 1 or more.
    ///   - environment: makes what answers the model; nil for conversations of one reply.
    ///   - tokenizer: that of the model, which trainer and sampler share.
    ///   - directory: where everything goes that the run writes, and where a run that was interrupted is found again.
    ///   - settings: what the run is begun with beside `options`, by name. A run is only resumed with the same.
    ///   - contents: what is read beside the problems, by what it is, such as `the model`. It has to stay the same as well.
    ///   - options: how long the run is, what it asks and how it learns. A run is only resumed with the same, but
    ///     for `saveEvery`.
    ///   - observeRollout: told of every rollout when it is written, and what was said in it.
    ///   - observe: told about everything that happens.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    public init(
        trainer: any Trainer, sampler: any Sampler, reference: (any Trainer)? = nil, loss: LossFunction = .grpo(),
        problems: any ProblemSource, heldOut: (any ProblemSource)? = nil, rewards: [Reward],
        environment: (@Sendable (Problem) -> any Environment)? = nil, tokenizer: any Tokenizer, directory: RunDirectory,
        settings: [String: String] = [:], contents: [String: RunIdentity.Content] = [:], options: Options,
        observeRollout: @escaping @Sendable (RolloutBatch, [[Conversation]]) -> Void = { _, _ in },
        observe: @escaping @Sendable (Event) -> Void = { _ in }
    ) throws {
        for (name, value, least) in [
            ("problemsPerRollout", options.problemsPerRollout, 1), ("updatesPerRollout", options.updatesPerRollout, 1),
            ("microbatch", options.microbatch, 1), ("heldOutProblems", options.heldOutProblems, 1),
            ("heldOutSamples", options.heldOutSamples, 1), ("groupSize", options.rollouts.groupSize, 2),
        ] where value < least {
            throw TrainerError(.invalidOption, "\(name) is \(value)", expected: "\(least) or more")
        }
        if let cap = options.importanceCap, !(cap > 0) {
            throw TrainerError(.invalidOption, "importanceCap is \(cap)", expected: "more than 0")
        }
        if loss.reads("referenceLogProbs"), reference == nil {
            throw TrainerError(.invalidOption, "the loss \"\(loss.name)\" is given no reference", expected: "a reference model")
        }
        try Self.checkEffects(
            options, loss: loss, hasReference: reference != nil, hasHeldOut: heldOut != nil, hasEnvironment: environment != nil)
        let tokenizer = try directory.asBegun(tokenizer)
        var identity = RunIdentity(
            recipe: "grpo", settings: settings, options: RunIdentity.listing(options, but: ["saveEvery"]), contents: contents)
        identity.add([
            "the data": try problems.content(), "the held-out data": try heldOut?.content(),
            "the loss \(loss.name)": .init(of: try RecordCoding.encode(loss)),
        ])
        identity.add(dayOf: tokenizer)
        identity.options["rewards"] = rewards.map { "\($0.name) * \($0.weight)" }.joined(separator: ", ")
        identity.options["environment"] = environment == nil ? "none" : "in code"
        run = try TrainingRun(
            trainer: trainer, directory: directory, identity: identity, steps: options.steps, saveEvery: options.saveEvery)
        self.observe = observe
        let handover = WeightHandover(trainer: trainer, sampler: sampler, folder: directory.handover)
        let examined = try problems.examined(tokenizer: tokenizer, rewards: rewards)
        algorithm = GRPOAlgorithm(
            trainer: trainer, reference: reference, loss: loss, problems: examined.source, problemReport: examined.report,
            options: options,
            rollouts: try Rollouts(
                sampler, tokenizer: tokenizer, rewards: rewards, environment: environment, options: options.rollouts),
            evaluation: try heldOut.map {
                try AccuracyEvaluation(
                    sampler, tokenizer: tokenizer, problems: $0, count: options.heldOutProblems, verifier: rewards[0],
                    environment: environment, samples: options.heldOutSamples, options: options.rollouts)
            },
            handover: handover, observeRollout: observeRollout)
        for report in algorithm.reports { observe(.data(report)) }
    }

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for what differs from its default and has no effect.
    private static func checkEffects(
        _ options: Options, loss: LossFunction, hasReference: Bool, hasHeldOut: Bool, hasEnvironment: Bool
    ) throws {
        let plain = Options(steps: options.steps)
        let unread = "on the loss \"\(loss.name)\", which does not read"
        let weighs = loss.reads("targetWeights")
        let idle: [(name: String, isIdle: Bool, reason: String)] = [
            ("reference", hasReference && !loss.reads("referenceLogProbs"), "\(unread) it"),
            ("advantages", options.advantages != plain.advantages && !weighs, "\(unread) targetWeights, where they stand"),
            ("importanceCap", options.importanceCap != nil && !weighs, "\(unread) targetWeights, which it scales"),
            ("heldOutProblems", !hasHeldOut && options.heldOutProblems != plain.heldOutProblems, "without held-out problems"),
            ("heldOutSamples", !hasHeldOut && options.heldOutSamples != plain.heldOutSamples, "without held-out problems"),
            ("maxTurns", !hasEnvironment && options.rollouts.maxTurns != plain.rollouts.maxTurns, "without an environment"),
            (
                "environmentTimeout", !hasEnvironment && options.rollouts.environmentTimeout != plain.rollouts.environmentTimeout,
                "without an environment"
            ),
        ]
        if let odd = idle.first(where: \.isIdle) {
            throw TrainerError(.invalidOption, "\(odd.name) has no effect \(odd.reason)", expected: "to leave it out")
        }
    }

    /// Begins the run, or goes on with it.
    /// - Throws: ``Swage/TrainerError``.
    public func run() async throws -> Outcome { try await run.run(algorithm, observe: observe) }
}

extension GRPO.Report: Recorded {
    var fault: String? { before.fault ?? after.fault ?? end.fault }
}
