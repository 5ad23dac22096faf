import Foundation
import Swage
import SwageText

/// The steps of ``GRPO``.
struct GRPOAlgorithm: TrainingAlgorithm {
    /// Where a step ends: which problems were drawn, and what of them is still to be learned from.
    struct Position: Recorded, Sendable {
        var nextProblem = 0
        /// The rollout at hand, and how many updates it has had.
        var rollout: RolloutBatch?
        var updates = 0
        /// The one after it, where it was written ahead.
        var upcoming: RolloutBatch?

        var fault: String? {
            Int.fault("\"nextProblem\"", nextProblem) ?? Int.fault("\"updates\"", updates) ?? rollout.fault ?? upcoming.fault
        }
    }

    let trainer: any Trainer
    let reference: (any Trainer)?
    let loss: LossFunction
    let problems: any ProblemSource
    let problemReport: DataReport?
    let options: GRPO.Options
    let rollouts: Rollouts
    let evaluation: AccuracyEvaluation?
    let handover: WeightHandover
    let observeRollout: @Sendable (RolloutBatch, [[Conversation]]) -> Void
    private(set) var position = Position()

    var learnedLoss: LossFunction { loss }

    mutating func resume(at position: Position, step: Int) throws {
        func check(_ fits: Bool, _ found: String, _ expected: String) throws {
            guard fits else { throw TrainerError(.corruptFile, found, expected: expected) }
        }
        try check(
            position.nextProblem % options.problemsPerRollout == 0, "\"nextProblem\" is \(position.nextProblem)",
            "a multiple of \(options.problemsPerRollout), the problems of a rollout")
        try check(
            position.updates < options.updatesPerRollout && (position.updates == 0) == (position.rollout == nil),
            "\"updates\" is \(position.updates)", "less than \(options.updatesPerRollout), and 0 without a rollout at hand")
        for rollout in [position.rollout, position.upcoming].compactMap({ $0 }) {
            let size = rollout.groups.map(\.count).max() ?? 0
            try check(
                rollout.groups.count <= options.problemsPerRollout && size <= options.rollouts.groupSize,
                "a rollout has \(rollout.groups.count) groups of up to \(size)",
                "at most \(options.problemsPerRollout) of \(options.rollouts.groupSize)")
        }
        self.position = position
    }

    var files: [String] { handover.sampler.sharesWeights ? [] : ["handover"] }

    func measure(
        _ moment: TrainingMoment, progress: @escaping @Sendable (Double) -> Void
    ) async throws -> Accuracy? {
        guard let evaluation else { return nil }
        _ = try await handover()
        return try await evaluation.run(progress: progress)
    }

    func report(before: Accuracy?, after: Accuracy?, end: TrainingEnd) -> GRPO.Report {
        GRPO.Report(before: before, after: after, data: reports.isEmpty ? nil : reports, end: end)
    }

    /// What became of the files of problems.
    var reports: [DataReport] { [problemReport, evaluation?.report].compactMap { $0 } }

    mutating func step() async throws -> TrainingStep {
        if let rollout = position.rollout { return try await apply(try await learn(rollout), rollout) }
        var handoverSeconds = 0.0
        var rollout: RolloutBatch
        if let upcoming = position.upcoming, upcoming.isComparable {
            rollout = upcoming
        } else {
            handoverSeconds = try await handover()
            rollout = try await nextRollout()
        }
        position.upcoming = nil
        try await prepare(&rollout)
        let isLast = try await trainer.status().step + options.updatesPerRollout >= options.steps
        guard options.isAsynchronous, !isLast else {
            return try await apply(try await learn(rollout), rollout, handoverSeconds: handoverSeconds)
        }
        handoverSeconds += try await handover()
        let (begun, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        async let upcoming = { [self] in
            defer { signal.finish() }
            return try await collect { signal.yield() }
        }()
        if handover.sampler.sharesWeights { for await _ in begun { break } }
        let pass = try await learn(rollout)
        // The weights change when all is written by those before: a rollout has one version, and a step that is
        // cancelled until here has changed nothing.
        position.upcoming = try await upcoming
        position.nextProblem += options.problemsPerRollout
        return try await apply(pass, rollout, handoverSeconds: handoverSeconds)
    }

    /// How often a rollout of which nothing is left is written again, about other problems.
    private static let attempts = 3

    private mutating func nextRollout() async throws -> RolloutBatch {
        var failures: [String] = []
        for _ in 0..<Self.attempts {
            let rollout = try await collect()
            position.nextProblem += options.problemsPerRollout
            if rollout.isComparable { return rollout }
            failures = rollout.failures
        }
        throw TrainerError(
            .rewardFailed, "nothing was left of \(Self.attempts) rollouts; the last failure: \(failures.last ?? "none")",
            expected: "rewards that work for two of a group")
    }

    /// Talks about the next problems.
    private func collect(onStart: @escaping @Sendable () -> Void = {}) async throws -> RolloutBatch {
        let numbers = position.nextProblem..<position.nextProblem + options.problemsPerRollout
        let (rollout, conversations) = try await rollouts.collect(numbers, of: problems, onStart: onStart)
        observeRollout(rollout, conversations)
        return rollout
    }

    /// Computes what stays the same in all updates of a rollout, once.
    private func prepare(_ rollout: inout RolloutBatch) async throws {
        for group in GroupSelection.indices(in: rollout, options) {
            if let reference, loss.reads("referenceLogProbs") {
                let logProbs = try await PolicyBatch.logProbs(rollout.groups[group], by: reference)
                for (index, values) in logProbs.enumerated() { rollout.groups[group][index].referenceLogProbs = values }
            }
            if options.importanceCap != nil {
                let logProbs = try await PolicyBatch.logProbs(rollout.groups[group], by: trainer)
                for (index, values) in logProbs.enumerated() { rollout.groups[group][index].trainerLogProbs = values }
            }
        }
    }

    /// What the passes over a rollout have found.
    private struct Pass {
        let selection: GroupSelection
        var results: [ForwardBackwardResult] = []
        var seconds = 0.0
    }

    /// Runs a rollout forward and backward.
    private func learn(_ rollout: RolloutBatch) async throws -> Pass {
        let start = ContinuousClock.now
        var pass = Pass(selection: GroupSelection(rollout, options, loss: loss, verifier: rollouts.rewards[0].name))
        for batch in pass.selection.batches(of: options.microbatch).map(trainBatch) {
            pass.results.append(try await trainer.forwardBackward(batch, loss: loss))
        }
        pass.seconds = start.duration(to: .now) / .seconds(1)
        return pass
    }

    /// Takes the step that a pass has prepared.
    private mutating func apply(
        _ pass: Pass, _ rollout: RolloutBatch, handoverSeconds: Double = 0
    ) async throws -> TrainingStep {
        let selection = pass.selection
        let isFirst = position.updates == 0
        if selection.isEmpty {
            let step = try await trainer.status().step
            (position.rollout, position.updates) = (nil, 0)
            return TrainingStep(
                idleAt: step, metrics: isFirst ? selection.metrics.merging(rollout.timing) { own, _ in own } : selection.metrics)
        }
        let start = ContinuousClock.now
        let result = try await trainer.optimStep(of: pass.results.count)
        let seconds = pass.seconds + start.duration(to: .now) / .seconds(1)
        let version = result.step - 1
        position.updates += 1
        let isDone = position.updates >= options.updatesPerRollout
        position.rollout = isDone ? nil : rollout
        if isDone { position.updates = 0 }

        var metrics = selection.metrics
        metrics["training_seconds"] = seconds
        metrics["training_tokens_per_second"] = Double(selection.tokenCount) / max(seconds, 1e-9)
        metrics["handover_seconds"] = handoverSeconds
        metrics["staleness"] = Double(version - (rollout.trajectories.map(\.weightsVersion).min() ?? version))
        if isFirst { metrics.merge(rollout.timing) { own, _ in own } }
        return TrainingStep(result, pass.results, tokens: selection.tokenCount, adding: metrics)
    }

    private func trainBatch(_ members: [GroupSelection.Member]) -> TextTrainBatch {
        var inputs: [String: PolicyBatch.TokenValues] = [:]
        if loss.reads("samplerLogProbs") { inputs["samplerLogProbs"] = { $0.trainerLogProbs ?? $0.samplerLogProbs } }
        if loss.reads("referenceLogProbs") { inputs["referenceLogProbs"] = { $0.referenceLogProbs ?? [] } }
        let cap = options.importanceCap.map { Float($0) }
        return PolicyBatch.make(
            members.map(\.trajectory), advantages: members.map(\.advantage),
            correction: cap.map { cap in
                { trajectory in
                    zip(trajectory.trainerLogProbs ?? trajectory.samplerLogProbs, trajectory.samplerLogProbs).map {
                        min(exp($0 - $1), cap)
                    }
                }
            }, lossInputs: inputs)
    }
}

extension RolloutBatch {
    /// Whether there is a group whose members can be compared.
    fileprivate var isComparable: Bool { groups.contains { $0.count > 1 } }

    fileprivate var timing: [String: Double] {
        let written = Double(trajectories.reduce(0) { $0 + $1.writtenCount })
        return [
            "rollout_seconds": writingSeconds + scoringSeconds, "scoring_seconds": scoringSeconds,
            "rollout_tokens_per_second": written / max(writingSeconds, 1e-9),
        ]
    }
}
