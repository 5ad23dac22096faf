import Foundation
import Swage
import SwageText

/// Supervised fine-tuning: a model learns to write what its examples show.
///
/// Measures the held-out loss, trains, measures again, and exports the model. Everything goes into a
/// ``RunDirectory``; a run that was interrupted goes on from its last checkpoint, bit for bit where the trainer is
/// deterministic.
public struct SupervisedFineTuning: Sendable {
    public struct Options: Sendable, Equatable {
        /// The number of optimizer steps.
        public var steps: Int
        /// How many batches are accumulated for a step.
        public var accumulation: Int
        /// How examples become batches.
        public var batches: ExampleStream.Options
        /// How many held-out examples are measured; nil for all.
        public var heldOutLimit: Int?
        /// After how many steps a checkpoint is written; one is always written at the end.
        public var saveEvery: Int?
        /// A question that the model answers before and after.
        public var prompt: String?
        /// The most tokens of that answer.
        public var replyTokens: Int

        public init(
            steps: Int, accumulation: Int = 1, batches: ExampleStream.Options, heldOutLimit: Int? = nil,
            saveEvery: Int? = nil, prompt: String? = nil, replyTokens: Int = 48
        ) {
            self.steps = steps
            self.accumulation = accumulation
            self.batches = batches
            self.heldOutLimit = heldOutLimit
            self.saveEvery = saveEvery
            self.prompt = prompt
            self.replyTokens = replyTokens
        }
    }

    /// How a run came to its end.
    public enum Outcome: Sendable {
        case finished(FineTuningReport)
        /// The run had come to its end before.
        case alreadyFinished(FineTuningReport)
        /// The task was cancelled. The run can go on from the checkpoint; nil if no step was taken yet.
        case interrupted(step: Int, checkpoint: String?)
    }

    private let trainer: any Trainer
    private let sampler: (any Sampler)?
    private let training: JSONLines
    private let heldOut: JSONLines?
    private let directory: RunDirectory
    private let settings: [String: String]
    private let options: Options
    private let observe: @Sendable (FineTuningEvent) -> Void

    /// - Parameters:
    ///   - trainer: its default place of checkpoints is the directory's.
    ///   - sampler: lets the model answer `options.prompt`.
    ///   - settings: what the run is begun with, by name. A run is only resumed with the same.
    ///   - observe: told about everything that happens.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    public init(
        trainer: any Trainer, sampler: (any Sampler)? = nil, training: JSONLines, heldOut: JSONLines? = nil,
        directory: RunDirectory, settings: [String: String] = [:], options: Options,
        observe: @escaping @Sendable (FineTuningEvent) -> Void = { _ in }
    ) throws {
        for (name, value) in [
            ("steps", options.steps), ("accumulation", options.accumulation), ("saveEvery", options.saveEvery ?? 1),
        ] where value < 1 {
            throw TrainerError(.invalidOption, "\(name) is \(value)", expected: "1 or more")
        }
        self.trainer = trainer
        self.sampler = sampler
        self.training = training
        self.heldOut = heldOut
        self.directory = directory
        self.settings = settings
        self.options = options
        self.observe = observe
    }

    /// Begins the run, or goes on with it.
    /// - Throws: ``Swage/TrainerError``.
    public func run() async throws -> Outcome {
        let known = try directory.readBeginning()
        if let known { try checkSettings(known.settings) }
        if let report = try directory.readReport() { return .alreadyFinished(report) }
        try await checkCapabilities()
        try directory.prepare()
        do {
            let resumed = known == nil ? nil : try await resume()
            let beginning: RunDirectory.Beginning
            if let known { beginning = known } else { beginning = try await begin() }
            return try await train(from: resumed, beginning)
        } catch is CancellationError {
            return .interrupted(step: 0, checkpoint: nil)
        }
    }

    /// Asked before any work: the trainer's own loss is cross entropy.
    private func checkCapabilities() async throws {
        let config = try await trainer.config()
        let missing = LossFunction.crossEntropy.program.outputsRead.subtracting(config.capabilities.outputs)
        guard missing.isEmpty else {
            throw TrainerError(
                .unsupported, "\(config.modelName)'s engine does not give \(missing.map(\.rawValue).sorted().joined(separator: ", "))",
                expected: "an engine whose losses can read it")
        }
    }

    /// Everything that a step changes beside the trainer.
    private struct Session {
        var step = 0
        var progress = RunDirectory.Progress(position: .init())
        var lastCheckpoint: String?
    }

    private func begin() async throws -> RunDirectory.Beginning {
        let beginning = RunDirectory.Beginning(
            settings: settings, heldOutBefore: try await measure(.before), replyBefore: try await reply())
        try directory.write(beginning)
        return beginning
    }

    private func resume() async throws -> Session? {
        let loaded: LoadedCheckpoint
        do {
            loaded = try await trainer.load()
        } catch let error as TrainerError where error.code == .checkpointNotFound {
            return nil
        }
        guard let progress = try directory.readProgress(step: loaded.step) else {
            throw TrainerError(
                .checkpointMismatch, "\(loaded.path) is at step \(loaded.step), where no step of this run ended",
                expected: "a checkpoint of the run in \(directory.path)")
        }
        observe(.resumed(step: loaded.step, checkpoint: loaded.path))
        return Session(step: loaded.step, progress: progress, lastCheckpoint: loaded.path)
    }

    private func train(from resumed: Session?, _ beginning: RunDirectory.Beginning) async throws -> Outcome {
        var session = resumed ?? Session()
        let metrics = try MetricsFile(directory.metrics, keepingSteps: session.step)
        var stream = try ExampleStream(
            training, tokenizer: try await trainer.tokenizer(), options: options.batches,
            from: session.progress.position)
        while session.step < options.steps {
            do {
                try await step(&session, &stream, metrics)
            } catch is CancellationError {
                try await trainer.clearGradients()
                return .interrupted(step: session.step, checkpoint: try await saveDespiteCancellation(&session))
            }
            let isDue = options.saveEvery.map { session.step % $0 == 0 } ?? false
            if isDue || session.step == options.steps {
                try metrics.synchronize()
                try await save(&session)
            }
        }
        do {
            return .finished(try await finish(session, beginning))
        } catch is CancellationError {
            return .interrupted(step: session.step, checkpoint: session.lastCheckpoint)
        }
    }

    private func step(_ session: inout Session, _ stream: inout ExampleStream, _ metrics: MetricsFile) async throws {
        let start = ContinuousClock.now
        var lossSum = 0.0
        var targets = 0
        var tokens = 0
        var reported: [String: Double] = [:]
        for _ in 0..<options.accumulation {
            let next = try stream.next()
            let result = try await trainer.forwardBackward(next.batch)
            lossSum += result.loss * Double(next.batch.targetCount)
            targets += next.batch.targetCount
            tokens += next.positionCount
            reported = result.metrics
        }
        let result = try await trainer.optimStep()
        let seconds = start.duration(to: .now) / .seconds(1)
        session.step = result.step
        session.progress.position = stream.position
        session.progress.tokens += tokens
        session.progress.seconds += seconds
        let line = MetricsFile.Line(
            step: result.step, loss: lossSum / Double(targets), learningRate: result.learningRate,
            gradientNorm: result.gradientNorm, tokens: tokens, seconds: seconds, metrics: reported)
        try metrics.append(line)
        observe(
            .step(
                .init(
                    step: line.step, steps: options.steps, loss: line.loss, learningRate: line.learningRate,
                    gradientNorm: line.gradientNorm, tokens: tokens, seconds: seconds)))
    }

    private func save(_ session: inout Session) async throws {
        observe(.saving(step: session.step))
        try directory.write(session.progress, step: session.step)
        session.lastCheckpoint = try await trainer.save().path
    }

    /// Saves in a task of its own, which the cancellation of this one does not reach.
    private func saveDespiteCancellation(_ session: inout Session) async throws -> String? {
        guard session.step > 0 else { return nil }
        var current = session
        let saved = Task { [current] in
            var session = current
            try await save(&session)
            return session
        }
        current = try await saved.value
        session = current
        return session.lastCheckpoint
    }

    private func finish(_ session: Session, _ beginning: RunDirectory.Beginning) async throws -> FineTuningReport {
        let after = try await measure(.after)
        let replyAfter = try await reply()
        let exported = try await trainer.save(name: nil, path: directory.model, weightsOnly: true)
        let report = FineTuningReport(
            heldOutBefore: beginning.heldOutBefore, heldOutAfter: after, prompt: options.prompt,
            replyBefore: beginning.replyBefore, replyAfter: replyAfter,
            tokensPerSecond: Double(session.progress.tokens) / max(session.progress.seconds, 1e-9),
            steps: session.step, checkpoint: session.lastCheckpoint ?? directory.checkpoints, exported: exported.path)
        try directory.write(report)
        return report
    }

    private func measure(_ moment: FineTuningEvent.Moment) async throws -> Evaluation.Result? {
        guard let heldOut else { return nil }
        let evaluation = try Evaluation(
            heldOut, tokenizer: try await trainer.tokenizer(), learnedTokens: options.batches.learnedTokens,
            limit: options.heldOutLimit, rows: options.batches.rows, sequenceLength: options.batches.sequenceLength)
        let observe = observe
        let result = try await evaluation.run(trainer) { observe(.measuring(moment, done: $0)) }
        observe(.measured(moment, result))
        return result
    }

    private func reply() async throws -> String? {
        guard let sampler, let prompt = options.prompt else { return nil }
        let tokenizer = try await trainer.tokenizer()
        let ids = try tokenizer.encode(
            chat: [ChatMessage(role: "user", content: prompt)], addGenerationPrompt: true
        ).ids
        let completions = try await sampler.generate([ids], options: .greedy(maxTokens: options.replyTokens))
        return try tokenizer.decode(completions[0].tokens, skipSpecialTokens: true)
    }

    private func checkSettings(_ known: [String: String]) throws {
        let names = Set(known.keys).union(settings.keys).sorted()
        guard let odd = names.first(where: { known[$0] != settings[$0] }) else { return }
        throw TrainerError(
            .invalidOption,
            "the run in \(directory.path) was begun with \(odd) \(known[odd] ?? "unset"), not \(settings[odd] ?? "unset")",
            expected: "the same settings to go on, another output folder, or a restart")
    }
}
