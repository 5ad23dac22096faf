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

    /// What is measured before and after.
    public struct Measurement: Sendable, Equatable, Codable {
        public var heldOut: Evaluation.Result?
        public var reply: String?
    }

    /// What came out.
    public struct Report: Sendable, Equatable, Codable {
        public var before: Measurement
        public var after: Measurement
        public var prompt: String?
        public var end: TrainingEnd
    }

    public typealias Event = TrainingEvent<Measurement>
    public typealias Outcome = TrainingOutcome<Report>

    private let trainer: any Trainer
    private let sampler: (any Sampler)?
    private let training: JSONLines<TrainingExample>
    private let heldOut: JSONLines<TrainingExample>?
    private let options: Options
    private let run: TrainingRun
    private let observe: @Sendable (Event) -> Void

    /// - Parameters:
    ///   - trainer: its default place of checkpoints is the directory's.
    ///   - sampler: lets the model answer `options.prompt`.
    ///   - settings: what the run is begun with beside `options`, by name. A run is only resumed with the same.
    ///   - contents: what is read beside the data, by what it is, such as `the model`. It has to stay the same as well.
    ///   - observe: told about everything that happens.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    public init(
        trainer: any Trainer, sampler: (any Sampler)? = nil, training: JSONLines<TrainingExample>,
        heldOut: JSONLines<TrainingExample>? = nil, directory: RunDirectory, settings: [String: String] = [:],
        contents: [String: RunIdentity.Content] = [:], options: Options, observe: @escaping @Sendable (Event) -> Void = { _ in }
    ) throws {
        guard options.accumulation > 0 else {
            throw TrainerError(.invalidOption, "accumulation is \(options.accumulation)", expected: "1 or more")
        }
        guard heldOut != nil || options.heldOutLimit == nil else {
            throw TrainerError(.invalidOption, "heldOutLimit has no effect without held-out data", expected: "to leave it out")
        }
        guard sampler != nil || options.prompt == nil else {
            throw TrainerError(.invalidOption, "prompt has no effect on an engine that does not write", expected: "to leave it out")
        }
        var identity = RunIdentity(
            recipe: "sft", settings: settings, options: RunIdentity.listing(options, but: ["saveEvery"]), contents: contents)
        identity.add(["the data": .init(training), "the held-out data": heldOut.map { .init($0) }])
        identity.add(leftOut: training.skipped.count + (heldOut?.skipped.count ?? 0))
        run = try TrainingRun(
            trainer: trainer, directory: directory, identity: identity, steps: options.steps, saveEvery: options.saveEvery)
        (self.trainer, self.sampler) = (trainer, sampler)
        (self.training, self.heldOut) = (training, heldOut)
        (self.options, self.observe) = (options, observe)
    }

    /// Begins the run, or goes on with it.
    /// - Throws: ``Swage/TrainerError``.
    public func run() async throws -> Outcome {
        let tokenizer = try await trainer.tokenizer()
        let stream = try ExampleStream(training, tokenizer: tokenizer, options: options.batches)
        return try await run.run(
            Algorithm(
                trainer: trainer, sampler: sampler, tokenizer: tokenizer, heldOut: heldOut, options: options, stream: stream),
            observe: observe)
    }
}

extension SupervisedFineTuning {
    fileprivate struct Algorithm: TrainingAlgorithm {
        let trainer: any Trainer
        let sampler: (any Sampler)?
        let tokenizer: any Tokenizer
        let heldOut: JSONLines<TrainingExample>?
        let options: Options
        var stream: ExampleStream

        /// The trainer's own loss is cross entropy.
        let outputsRead = LossFunction.crossEntropy.program.outputsRead

        var position: ExampleStream.Position { stream.position }
        mutating func resume(at position: ExampleStream.Position, step: Int) throws { try stream.move(to: position) }
        let files: [String] = []

        mutating func step() async throws -> TrainingStep {
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
            return TrainingStep(
                try await trainer.optimStep(), loss: lossSum / Double(targets), tokens: tokens, metrics: reported)
        }

        func measure(
            _ moment: TrainingMoment, progress: @escaping @Sendable (Double) -> Void
        ) async throws -> Measurement {
            Measurement(heldOut: try await heldOutLoss(progress), reply: try await reply())
        }

        func report(before: Measurement, after: Measurement, end: TrainingEnd) -> Report {
            Report(before: before, after: after, prompt: options.prompt, end: end)
        }

        private func heldOutLoss(_ progress: @escaping @Sendable (Double) -> Void) async throws -> Evaluation.Result? {
            guard let heldOut else { return nil }
            return try await Evaluation(
                heldOut, tokenizer: tokenizer, learnedTokens: options.batches.learnedTokens, limit: options.heldOutLimit,
                rows: options.batches.rows, sequenceLength: options.batches.sequenceLength
            ).run(trainer, progress: progress)
        }

        private func reply() async throws -> String? {
            guard let sampler, let prompt = options.prompt else { return nil }
            let ids = try tokenizer.encode(
                chat: [ChatMessage(role: "user", content: prompt)], addGenerationPrompt: true
            ).ids
            let completions = try await sampler.generate([ids], options: .greedy(maxTokens: options.replyTokens))
            return try tokenizer.decode(completions[0].tokens, skipSpecialTokens: true)
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
