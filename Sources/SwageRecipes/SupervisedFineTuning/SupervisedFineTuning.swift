import Foundation
public import Swage
public import SwageText

/// Supervised fine-tuning: a model learns to write what its examples show.
///
/// Measures the held-out loss, trains, measures again, and exports the model. Everything goes into a
/// ``RunDirectory``; a run that was interrupted goes on from its last checkpoint, bit for bit where the trainer is
/// deterministic.
public struct SupervisedFineTuning: Sendable {
    /// How long a run is, what it learns from, and what it measures.
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

        /// Only the number of steps and the form of batches have no default. By default each step learns from one batch.
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

    /// What is measured before and after.
    public struct Measurement: Sendable, Equatable, Codable {
        /// The loss on held-out data; nil where there is none.
        public var heldOut: Evaluation.Result?
        /// The model's likeliest answer to ``Options/prompt``, as text, with … where it would go on; nil where nothing was asked.
        public var reply: String?
    }

    /// What came out.
    public struct Report: Sendable, Equatable, Codable {
        /// What was measured before the first step.
        public var before: Measurement
        /// What was measured after the last step.
        public var after: Measurement
        /// The question that the replies answer; nil where nothing was asked.
        public var prompt: String?
        /// What became of the training data, and of the held-out data.
        public var data: [DataReport]?
        /// What the steps took, and where the model lies.
        public var end: TrainingEnd
    }

    /// What a run tells of while it goes on.
    public typealias Event = TrainingEvent<Measurement>
    /// How a run ended, with what came out of it.
    public typealias Outcome = TrainingOutcome<Report>

    private let trainer: any Trainer
    private let sampler: (any Sampler)?
    private let training: Examples<TrainingExample>
    private let heldOut: Examples<TrainingExample>?
    private let options: Options
    private let run: TrainingRun
    private let observe: @Sendable (Event) -> Void
    /// The size of the largest file that is looked at before the first step.
    package var bytesAtOnce = 100 << 20

    /// - Parameters:
    ///   - trainer: its default place of checkpoints is the directory's.
    ///   - sampler: lets the model answer `options.prompt`; nil where nothing is asked.
    ///   - training: the examples that the model learns from.
    ///   - heldOut: examples that are measured and not learned from; nil for none.
    ///   - directory: where everything goes that the run writes, and where a run that was interrupted is found again.
    ///   - settings: what the run is begun with beside `options`, by name. A run is only resumed with the same.
    ///   - contents: what is read beside the data, by what it is, such as `the model`. It has to stay the same as well.
    ///   - options: how long the run is, what it learns from, and what it measures. A run is only resumed with the same, but for
    ///     `saveEvery`.
    ///   - observe: told about everything that happens.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    public init(
        trainer: any Trainer, sampler: (any Sampler)? = nil, training: Examples<TrainingExample>,
        heldOut: Examples<TrainingExample>? = nil, directory: RunDirectory, settings: [String: String] = [:],
        contents: [String: RunIdentity.Content] = [:], options: Options, observe: @escaping @Sendable (Event) -> Void = { _ in }
    ) throws {
        guard options.accumulation > 0 else {
            throw TrainerError(.invalidOption, "accumulation is \(options.accumulation)", expected: "1 or more")
        }
        try PackedRow.check(rows: options.batches.rows, of: options.batches.sequenceLength, batches: options.accumulation)
        guard heldOut != nil || options.heldOutLimit == nil else {
            throw TrainerError(.invalidOption, "heldOutLimit has no effect without held-out data", expected: "to leave it out")
        }
        guard sampler != nil || options.prompt == nil else {
            throw TrainerError(.invalidOption, "prompt has no effect on an engine that does not write", expected: "to leave it out")
        }
        var identity = RunIdentity(
            recipe: "sft", settings: settings, options: RunIdentity.listing(options, but: ["saveEvery"]), contents: contents)
        identity.add(["the data": try .init(training), "the held-out data": try heldOut.map { try .init($0) }])
        identity.add(leftOut: training.skippedCount + (heldOut?.skippedCount ?? 0))
        run = try TrainingRun(
            trainer: trainer, directory: directory, identity: identity, steps: options.steps, saveEvery: options.saveEvery)
        (self.trainer, self.sampler) = (trainer, sampler)
        (self.training, self.heldOut) = (training, heldOut)
        (self.options, self.observe) = (options, observe)
    }

    /// Begins the run, or goes on with it.
    ///
    /// All examples are looked at before the first step, and those of a large file beside the steps.
    /// - Throws: ``Swage/TrainerError``.
    public func run() async throws -> Outcome {
        let tokenizer = try run.directory.asBegun(try await trainer.tokenizer())
        var run = run
        run.identity.add(dayOf: tokenizer)
        let batches = options.batches
        let examination = try DataExamination(
            training, bytesAtOnce: bytesAtOnce, observe: { [observe] in observe(.data($0)) }
        ) { example in
            try batches.examine(example, with: tokenizer).withoutUse
        }
        defer { examination.cancel() }
        let evaluation = try heldOut.map { data in
            try Evaluation(
                data, tokenizer: tokenizer, learnedTokens: batches.learnedTokens, limit: options.heldOutLimit,
                rows: batches.rows, sequenceLength: batches.sequenceLength)
        }
        if let evaluation { observe(.data(evaluation.report)) }
        let stream = try ExampleStream(examination.examples, tokenizer: tokenizer, options: batches)
        let outcome = try await run.run(
            Algorithm(
                trainer: trainer, sampler: sampler, tokenizer: tokenizer, examination: examination, evaluation: evaluation,
                options: options, leavesOut: { [observe] in observe(.leftOut($0, of: $1)) }, stream: stream),
            observe: observe)
        if case .finished(let report) = outcome, examination.isUnderWay, let used = report.data?.first { observe(.data(used)) }
        return outcome
    }
}

extension SupervisedFineTuning {
    fileprivate struct Algorithm: TrainingAlgorithm {
        let trainer: any Trainer
        let sampler: (any Sampler)?
        let tokenizer: any Tokenizer
        let examination: DataExamination<TrainingExample>
        let evaluation: Evaluation?
        let options: Options
        /// Told of the rows that the steps themselves leave out, and of their files.
        let leavesOut: @Sendable (DataReport.LeftOut, DataReport) -> Void
        var stream: ExampleStream

        /// The trainer's own loss is cross entropy.
        let learnedLoss = LossFunction.crossEntropy

        var position: ExampleStream.Position { stream.position }
        mutating func resume(at position: ExampleStream.Position, step: Int) throws { try stream.move(to: position) }
        let files: [String] = []

        mutating func step() async throws -> TrainingStep {
            // What is wrong with the data is found before anything of the step is done.
            try examination.check()
            let known = stream.report
            var batches = [try stream.next()]
            // The last step of the last pass takes what is left.
            while batches.count < options.accumulation, let next = try stream.nextIfAny() { batches.append(next) }
            if examination.isUnderWay {
                for rows in stream.report.leftOut(since: known) { leavesOut(rows, known) }
            }
            var results: [ForwardBackwardResult] = []
            for next in batches { results.append(try await trainer.forwardBackward(next.batch)) }
            return TrainingStep(
                try await trainer.optimStep(of: batches.count), results, tokens: batches.reduce(0) { $0 + $1.positionCount })
        }

        func measure(
            _ moment: TrainingMoment, progress: @escaping @Sendable (Double) -> Void
        ) async throws -> Measurement {
            Measurement(heldOut: try await evaluation?.run(trainer, progress: progress), reply: try await reply())
        }

        func report(before: Measurement, after: Measurement, end: TrainingEnd) -> Report {
            // Of a large file the steps may have seen more than was looked at beside them.
            let data = [examination.report, stream.report].min { $0.unseen < $1.unseen }!
            return Report(
                before: before, after: after, prompt: options.prompt,
                data: [data] + (evaluation.map { [$0.report] } ?? []), end: end)
        }

        private func reply() async throws -> String? {
            guard let sampler, let prompt = options.prompt else { return nil }
            let ids = try tokenizer.encode(
                chat: [ChatMessage(role: "user", content: prompt)], addGenerationPrompt: true
            ).ids
            let sampling = SamplingOptions.greedy(maxTokens: options.replyTokens)
            let completions = try await sampler.generate([ids], options: sampling).answering(prompts: 1, sampling)
            let text = try tokenizer.decode(completions[0].tokens, skipSpecialTokens: true)
            return completions[0].finishReason == .length ? text + " …" : text
        }
    }
}

extension SupervisedFineTuning.Measurement: Recorded {
    var fault: String? { heldOut.fault }
}

extension SupervisedFineTuning.Report: Recorded {
    var fault: String? { before.fault ?? after.fault ?? end.fault }
}

extension ExampleStream.Position: Recorded {
    var fault: String? {
        Int.fault("\"epoch\"", epoch) ?? Int.fault("\"drawn\"", drawn)
            ?? waiting.lazy.compactMap { Int.fault("an example that waits", $0) }.first
            ?? (Set(waiting).count == waiting.count ? nil : "an example waits twice")
    }
}
