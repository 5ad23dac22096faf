import Foundation
public import Swage
public import SwageText

/// Direct preference optimization (Rafailov et al., 2023): a model learns to prefer what people prefer, kept near to what
/// it was.
///
/// The reference is the model as the run begins. Its log-probabilities are computed once, before the first step, and kept
/// in the run's folder: there is no second model.
public struct DPO: Sendable {
    /// How long a run is, and how it learns from pairs.
    public struct Options: Sendable, Equatable {
        /// The number of optimizer steps.
        public var steps: Int
        /// How many pairs each step learns from. After the last pair the first comes again, in the same order.
        public var pairsPerStep: Int
        /// How many pairs are trained on at once.
        public var microbatch: Int
        /// The most tokens of a prompt with a completion; what is longer is cut.
        public var sequenceLength: Int
        /// How strongly the model is kept near to what it was.
        public var beta: Double
        /// How the margin of a pair becomes a loss.
        public var loss: LossFunction.PreferenceLoss
        /// Nil keeps the order of the file.
        public var shuffleSeed: UInt64?
        /// How many held-out pairs are measured; nil for all.
        public var heldOutLimit: Int?
        /// After how many steps a checkpoint is written; one is always written at the end.
        public var saveEvery: Int?

        /// Only the number of steps has no default. By default each step learns from 8 pairs, 4 at once, by DPO's own loss.
        public init(
            steps: Int, pairsPerStep: Int = 8, microbatch: Int = 4, sequenceLength: Int = 1024, beta: Double = 0.1,
            loss: LossFunction.PreferenceLoss = .sigmoid, shuffleSeed: UInt64? = 0, heldOutLimit: Int? = nil,
            saveEvery: Int? = nil
        ) {
            (self.steps, self.pairsPerStep, self.microbatch) = (steps, pairsPerStep, microbatch)
            (self.sequenceLength, self.beta, self.loss) = (sequenceLength, beta, loss)
            (self.shuffleSeed, self.heldOutLimit, self.saveEvery) = (shuffleSeed, heldOutLimit, saveEvery)
        }
    }

    /// How far a model tells chosen completions from rejected ones, beyond what the reference does.
    public struct Margins: Sendable, Equatable, Codable {
        /// The mean of β times the difference of both completions' log-ratios.
        public var margin: Double
        /// Twice the standard error of that mean.
        public var error: Double
        /// The share of pairs whose margin is above 0.
        public var accuracy: Double
        /// How many held-out pairs were measured.
        public var pairs: Int
    }

    /// What came out.
    public struct Report: Sendable, Equatable, Codable {
        /// The margins of the held-out pairs before the first step: all 0, for the model is its own reference then. Nil where
        /// there are no such pairs.
        public var before: Margins?
        /// The margins of the same pairs after the last step; nil where there are none.
        public var after: Margins?
        /// What became of the training data, and of the held-out data.
        public var data: [DataReport]?
        /// What the steps took, and where the model lies.
        public var end: TrainingEnd
    }

    /// What a run tells of while it goes on. It measures the margins of held-out pairs; nil where there are none.
    public typealias Event = TrainingEvent<Margins?>
    /// How a run ended, with what came out of it.
    public typealias Outcome = TrainingOutcome<Report>

    private let algorithm: DPOAlgorithm
    private let run: TrainingRun
    private let observe: @Sendable (Event) -> Void

    /// - Parameters:
    ///   - trainer: its default place of checkpoints is the directory's.
    ///   - training: the pairs that the model learns from.
    ///   - heldOut: pairs that are measured and not learned from; nil for none.
    ///   - tokenizer: that of the trainer's model.
    ///   - directory: where everything goes that the run writes, and where a run that was interrupted is found again.
    ///   - settings: what the run is begun with beside `options`, by name. A run is only resumed with the same.
    ///   - contents: what is read beside the data, by what it is, such as `the model`. It has to stay the same as well.
    ///   - options: how long the run is, and how it learns from pairs. A run is only resumed with the same, but for `saveEvery`.
    ///   - observe: told about everything that happens.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` or `invalidData`.
    public init(
        trainer: any Trainer, training: Examples<PreferencePair>, heldOut: Examples<PreferencePair>? = nil,
        tokenizer: any Tokenizer, directory: RunDirectory, settings: [String: String] = [:],
        contents: [String: RunIdentity.Content] = [:], options: Options,
        observe: @escaping @Sendable (Event) -> Void = { _ in }
    ) throws {
        for (name, value) in [
            ("pairsPerStep", options.pairsPerStep), ("microbatch", options.microbatch),
            ("sequenceLength", options.sequenceLength), ("heldOutLimit", options.heldOutLimit ?? 1),
        ] where value < 1 {
            throw TrainerError(.invalidOption, "\(name) is \(value)", expected: "1 or more")
        }
        try PackedRow.check(rows: options.microbatch, of: options.sequenceLength, batches: 2)
        guard options.beta > 0, options.beta.isFinite else {
            throw TrainerError(.invalidOption, "beta is \(options.beta)", expected: "a finite number, more than 0")
        }
        guard heldOut != nil || options.heldOutLimit == nil else {
            throw TrainerError(.invalidOption, "heldOutLimit has no effect without held-out data", expected: "to leave it out")
        }
        let tokenizer = try directory.asBegun(tokenizer)
        var identity = RunIdentity(
            recipe: "dpo", settings: settings, options: RunIdentity.listing(options, but: ["saveEvery"]), contents: contents)
        identity.add(["the data": try .init(training), "the held-out data": try heldOut.map { try .init($0) }])
        identity.add(dayOf: tokenizer)
        identity.add(leftOut: training.skippedCount + (heldOut?.skippedCount ?? 0))
        run = try TrainingRun(
            trainer: trainer, directory: directory, identity: identity, steps: options.steps, saveEvery: options.saveEvery)
        self.observe = observe
        let limit = options.sequenceLength
        let wanted = options.steps.multipliedReportingOverflow(by: options.pairsPerStep)
        algorithm = DPOAlgorithm(
            trainer: trainer, options: options,
            training: try PreferenceSet(
                training, wanted: wanted.overflow ? nil : wanted.partialValue, seed: options.shuffleSeed, tokenizer: tokenizer,
                limit: limit, cache: directory.reference("training")),
            heldOut: try heldOut.map { data in
                try PreferenceSet(
                    data, wanted: options.heldOutLimit, seed: nil, tokenizer: tokenizer, limit: limit,
                    cache: directory.reference("held-out"))
            })
        for report in algorithm.reports { observe(.data(report)) }
    }

    /// Begins the run, or goes on with it.
    /// - Throws: ``Swage/TrainerError``.
    public func run() async throws -> Outcome { try await run.run(algorithm, observe: observe) }
}

/// The steps of ``DPO``.
private struct DPOAlgorithm: TrainingAlgorithm {
    let trainer: any Trainer
    let options: DPO.Options
    var training: PreferenceSet
    var heldOut: PreferenceSet?
    /// How many pairs have been learned from.
    private(set) var position = 0

    init(trainer: any Trainer, options: DPO.Options, training: PreferenceSet, heldOut: PreferenceSet?) {
        (self.trainer, self.options, self.training, self.heldOut) = (trainer, options, training, heldOut)
    }

    private var loss: LossFunction { .dpo(beta: options.beta, loss: options.loss) }
    var learnedLoss: LossFunction { loss }
    var reports: [DataReport] { [training.report] + (heldOut.map { [$0.report] } ?? []) }

    mutating func resume(at position: Int, step: Int) throws {
        guard step.multipliedReportingOverflow(by: options.pairsPerStep) == (position, false) else {
            throw TrainerError(
                .corruptFile, "\"position\" is \(position)", expected: "\(options.pairsPerStep) pairs for each of \(step) steps")
        }
        self.position = position
    }

    var files: [String] { (["training"] + (heldOut == nil ? [] : ["held-out"])).map(RunDirectory.reference) }

    func report(before: DPO.Margins?, after: DPO.Margins?, end: TrainingEnd) -> DPO.Report {
        DPO.Report(before: before, after: after, data: reports, end: end)
    }

    mutating func step() async throws -> TrainingStep {
        if !training.hasReference { try training.readReference() }
        let pairs = (position..<position + options.pairsPerStep).map { training.pairs[$0 % training.pairs.count] }
        var results: [ForwardBackwardResult] = []
        for begin in stride(from: 0, to: pairs.count, by: options.microbatch) {
            let part = pairs[begin..<min(begin + options.microbatch, pairs.count)]
            results.append(try await trainer.forwardBackward(PreferenceSet.batch(part), loss: loss))
        }
        let taken = try await trainer.optimStep(of: results.count)
        position += pairs.count
        return TrainingStep(taken, results, tokens: pairs.reduce(0) { $0 + $1.reduce(0) { $0 + $1.tokens.count - 1 } })
    }

    func measure(
        _ moment: TrainingMoment, progress: @escaping @Sendable (Double) -> Void
    ) async throws -> DPO.Margins? {
        guard moment == .before else { return try await margins(progress) }
        // The model is still the one that the run begins with: what it says now is the reference.
        var (training, heldOut) = (training, heldOut)
        let all = Double(training.pairs.count + (heldOut?.pairs.count ?? 0))
        let trainingCount = training.pairs.count
        try await training.computeReference(trainer, batch: options.microbatch) { progress(Double($0) / all) }
        try await heldOut?.computeReference(trainer, batch: options.microbatch) {
            progress(Double(trainingCount + $0) / all)
        }
        return heldOut.map { DPO.Margins(margin: 0, error: 0, accuracy: 0, pairs: $0.pairs.count) }
    }

    private func margins(_ progress: @Sendable (Double) -> Void) async throws -> DPO.Margins? {
        guard var heldOut else { return nil }
        try heldOut.readReference()
        var margins: [Double] = []
        for begin in stride(from: 0, to: heldOut.pairs.count, by: options.microbatch) {
            let part = heldOut.pairs[begin..<min(begin + options.microbatch, heldOut.pairs.count)]
            let logProbs = try await PolicyBatch.logProbs(part.flatMap { $0 }, by: trainer)
            let ratios = zip(logProbs, part.flatMap { $0 }).map { own, row in
                zip(own, row.referenceLogProbs!).reduce(0.0) { $0 + Double($1.0) - Double($1.1) }
            }
            margins += part.indices.map { $0 - begin }.map { options.beta * (ratios[2 * $0] - ratios[2 * $0 + 1]) }
            progress(Double(margins.count) / Double(heldOut.pairs.count))
        }
        let count = Double(margins.count)
        return DPO.Margins(
            margin: margins.reduce(0, +) / count, error: 2 * Advantages.deviation(margins) / count.squareRoot(),
            accuracy: Double(margins.count { $0 > 0 }) / count, pairs: margins.count)
    }
}

extension DPO.Margins: Recorded {
    var fault: String? {
        Int.fault("\"pairs\"", pairs) ?? Double.fault("\"margin\"", margin) ?? Double.fault("\"error\"", error, least: 0)
            ?? ((0...1).contains(accuracy) ? nil : "\"accuracy\" is \(accuracy)")
    }
}

extension DPO.Report: Recorded {
    var fault: String? { before.fault ?? after.fault ?? end.fault }
}
