import Foundation
import Swage
import SwageFiles

/// One kind of training, as a ``TrainingRun`` drives it: what a step is, and what is measured around the steps.
protocol TrainingAlgorithm: Sendable {
    /// What is measured before the first step and after the last.
    associatedtype Measurement: Recorded & Sendable
    /// Where in its data a step ends.
    associatedtype Position: Recorded & Sendable
    associatedtype Report: Recorded & Sendable

    /// The loss that it learns from, which may be the trainer's own.
    var learnedLoss: LossFunction { get }
    var position: Position { get }
    /// - Throws: ``Swage/TrainerError`` where `step` cannot have ended there.
    mutating func resume(at position: Position, step: Int) throws

    /// What it writes into the run's folder itself.
    var files: [String] { get }

    /// - Parameter progress: called with how much is done, from 0 to 1.
    func measure(_ moment: TrainingMoment, progress: @escaping @Sendable (Double) -> Void) async throws -> Measurement
    /// Takes one optimizer step.
    mutating func step() async throws -> TrainingStep
    func report(before: Measurement, after: Measurement, end: TrainingEnd) -> Report
}

/// A run of steps in a folder: begun, interrupted and gone on with in the same way, whatever a step is.
struct TrainingRun: Sendable {
    let trainer: any Trainer
    let directory: RunDirectory
    /// What the run is. It only goes on with the same.
    var identity: RunIdentity
    let steps: Int
    /// After how many steps a checkpoint is written; one is always written at the end.
    let saveEvery: Int?

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    init(
        trainer: any Trainer, directory: RunDirectory, identity: RunIdentity, steps: Int, saveEvery: Int?
    ) throws {
        for (name, value) in [("steps", steps), ("saveEvery", saveEvery ?? 1)] where value < 1 {
            throw TrainerError(.invalidOption, "\(name) is \(value)", expected: "1 or more")
        }
        try directory.check(inputs: identity.contents.compactMapValues(\.path))
        (self.trainer, self.directory, self.identity) = (trainer, directory, identity)
        (self.steps, self.saveEvery) = (steps, saveEvery)
    }

    /// Begins the run, or goes on with it.
    func run<Algorithm: TrainingAlgorithm>(
        _ algorithm: Algorithm, observe: @escaping @Sendable (TrainingEvent<Algorithm.Measurement>) -> Void
    ) async throws -> TrainingOutcome<Algorithm.Report> {
        let config = try await trainer.config()
        let identity = identity.adding(config)
        if !directory.startsOver, let report = try directory.report(Algorithm.Report.self, of: identity) { return .alreadyFinished(report) }
        if let lack = config.capabilities.lack(for: algorithm.learnedLoss) {
            throw TrainerError(.unsupported, "\(config.modelName)'s engine \(lack)", expected: "an engine that learns from such a loss")
        }
        if directory.startsOver {
            try await checkFreshness()
            observe(.startedOver(left: try directory.clear()))
        }
        if try !directory.isBegun() { try await checkFreshness() }
        let folder = try directory.open()
        // Another process may have come to the end before the folder was this one's.
        if let report = try directory.report(Algorithm.Report.self, of: identity) { return .alreadyFinished(report) }
        try folder.begin(identity)
        try folder.claim(["data"] + algorithm.files)
        try OutputFolder(path: directory.path + "/data").prepare()
        removeWhatAKillLeft()
        var session = Session(algorithm: algorithm, folder: folder, observe: observe)
        do {
            let before: Algorithm.Measurement
            if let known = try folder.before(Algorithm.Measurement.self) {
                before = known
                try await resume(&session)
            } else {
                try await checkFreshness()
                before = try await session.measure(.before)
                try folder.note(before: before)
            }
            try await train(&session)
            return .finished(try await finish(session, before))
        } catch is CancellationError {
            return .interrupted(step: session.step, checkpoint: session.lastCheckpoint)
        }
    }

    /// Removes files that were half written when a process was killed.
    private func removeWhatAKillLeft() {
        AtomicDirectory.removeAbandonedFiles(in: directory.path) { ["run.json", "report.json", "metrics.jsonl"].contains($0) }
        AtomicDirectory.removeAbandonedFiles(in: directory.path + "/data") { $0.wholeMatch(of: /(step|reference)-.*/) != nil }
    }

    /// Everything that a step changes beside the trainer.
    private struct Session<Algorithm: TrainingAlgorithm> {
        var algorithm: Algorithm
        let folder: WorkFolder
        var step = 0
        /// How many of the steps had nothing to learn from. The trainer has not taken them.
        var idle = 0
        var tokens = 0
        var seconds = 0.0
        var lastCheckpoint: String?
        /// The step that it is of.
        var savedStep = 0
        /// Steps whose lines could not be written to the metrics file.
        var unrecorded: [TrainingStep] = []
        let observe: @Sendable (TrainingEvent<Algorithm.Measurement>) -> Void

        func measure(_ moment: TrainingMoment) async throws -> Algorithm.Measurement {
            let result = try await algorithm.measure(moment) { [observe] in observe(.measuring(moment, done: $0)) }
            observe(.measured(moment, result))
            return result
        }

        var progress: RunDirectory.Progress<Algorithm.Position> {
            .init(
                step: step - idle, position: algorithm.position, tokens: tokens, seconds: seconds,
                unrecorded: unrecorded.isEmpty ? nil : unrecorded, idle: idle)
        }
    }

    /// Steps are counted by the trainer: one that has taken some, in another run, would be told to be further than it is.
    private func checkFreshness() async throws {
        let status = try await trainer.status()
        guard status.step == 0 else {
            throw TrainerError(
                .invalidOption, "the trainer is at step \(status.step), and this run is at 0",
                expected: "one that begins: start it anew, or load weights alone, which sets it to step 0")
        }
        // What a run that was killed in its first step has left in a trainer that outlives it.
        if status.accumulatedMicrobatches > 0 { try await trainer.clearGradients() }
    }

    private func resume<Algorithm>(_ session: inout Session<Algorithm>) async throws {
        let loaded: LoadedCheckpoint
        do {
            loaded = try await trainer.load()
        } catch let error as TrainerError where error.code == .checkpointNotFound {
            try tellOfDamage(session, after: 0)
            let steps = directory.recordedStepCount
            if steps > 0 { session.observe(.lost(steps: steps, .checkpoints)) }
            return try await checkFreshness()
        }
        try tellOfDamage(session, after: loaded.step)
        try requireOwn(loaded.path, session.folder)
        let file = RunDirectory.progressFile(loaded.step)
        let advice = "that file, or that you move \(loaded.path) away, to go on from the checkpoint before it"
        let progress: RunDirectory.Progress<Algorithm.Position>?
        do {
            progress = try directory.progress(Algorithm.Position.self, after: loaded.step)
        } catch let error as TrainerError {
            throw TrainerError(error.code, error.message, expected: advice)
        }
        guard let progress else {
            throw TrainerError(
                .checkpointMismatch, "of step \(loaded.step), at which \(loaded.path) is, this run has no \(session.folder.folder.file(file))",
                expected: advice)
        }
        do {
            try session.algorithm.resume(at: progress.position, step: loaded.step)
        } catch let error as TrainerError {
            throw TrainerError(
                .corruptFile, "\(session.folder.folder.file(file)) cannot be right: \(error.message)", expected: error.expected)
        }
        session.idle = progress.idle ?? 0
        session.step = loaded.step + session.idle
        (session.savedStep, session.lastCheckpoint) = (session.step, loaded.path)
        session.observe(.resumed(step: session.step, checkpoint: loaded.path))
        (session.tokens, session.seconds) = (progress.tokens, progress.seconds)
        session.unrecorded = progress.unrecorded ?? []
    }

    /// Makes sure that a checkpoint in the run's place is one that this run has written.
    /// - Throws: ``Swage/TrainerError`` with code `notAllowed`.
    private func requireOwn(_ path: String, _ folder: WorkFolder) throws {
        let place = URL(fileURLWithPath: ResolvedPath(path).text)
        guard place.deletingLastPathComponent().path == ResolvedPath(directory.checkpoints).text else { return }
        guard folder.hasMade("checkpoints/\(place.lastPathComponent)") else {
            throw TrainerError(
                .notAllowed, "\(path), the newest checkpoint, was not written by this run",
                expected: "that you move it away, to go on from the run's own")
        }
    }

    /// Says which checkpoints the run would rather have gone on from.
    /// - Throws: ``Swage/TrainerError`` with code `notAllowed` if one of them is in the way, and nobody's to replace.
    private func tellOfDamage<Algorithm>(_ session: Session<Algorithm>, after step: Int) throws {
        let store = CheckpointStore(directory: directory.checkpoints)
        for (path, error) in store.damaged(after: step) {
            session.observe(.passedOver(checkpoint: path, reason: error.description))
        }
        try store.requireRoom(after: step)
        try session.folder.requireRoom(after: step)
    }

    private func train<Algorithm>(_ session: inout Session<Algorithm>) async throws {
        try session.folder.claim("metrics.jsonl")
        let metrics = try directory.steps(until: session.step)
        session.unrecorded.removeAll { $0.step <= metrics.kept.last?.step ?? 0 }
        let missing = session.step - metrics.kept.count - session.unrecorded.count
        if missing > 0 { session.observe(.lost(steps: missing, .metrics)) }
        try record(&session, metrics)
        while session.step < steps {
            do {
                try Task.checkCancellation()
                try await step(&session, metrics)
            } catch let shared as SharedTrainer {
                // What the trainer holds now is not the run's, and not this one's to clear.
                throw shared.error
            } catch {
                throw try await saving(&session, metrics, despite: error)
            }
            let isDue = saveEvery.map { session.step % $0 == 0 } ?? false
            if isDue || session.step >= steps { try await save(&session, metrics) }
        }
    }

    private func step<Algorithm>(_ session: inout Session<Algorithm>, _ metrics: RecordFile<TrainingStep>) async throws {
        let start = ContinuousClock.now
        var algorithm = session.algorithm
        var step = try await algorithm.step()
        step.seconds = start.duration(to: .now) / .seconds(1)
        let taken = session.step - session.idle + (step.isIdle ? 0 : 1)
        guard step.step == taken else { throw SharedTrainer("it is at step \(step.step), and this run at \(taken)") }
        var told = step
        told.step = session.step + 1
        if let fault = told.fault {
            throw SharedTrainer(
                TrainerError(
                    .nonFinite, "what the trainer tells of step \(told.step) cannot be: \(fault)",
                    expected: "finite numbers; a lower learning rate, from the run's last checkpoint"))
        }
        session.algorithm = algorithm
        session.idle += step.isIdle ? 1 : 0
        step.step += session.idle
        session.step = step.step
        session.tokens += step.tokens
        session.seconds += step.seconds
        session.unrecorded.append(step)
        try record(&session, metrics)
        session.observe(.step(step, of: steps))
    }

    /// Writes the lines of the steps that have none yet.
    private func record<Algorithm>(_ session: inout Session<Algorithm>, _ metrics: RecordFile<TrainingStep>) throws {
        try metrics.append(session.unrecorded)
        session.unrecorded = []
    }

    /// Writes a checkpoint, to its end: a cancellation in the meantime comes after it.
    private func save<Algorithm>(_ session: inout Session<Algorithm>, _ metrics: RecordFile<TrainingStep>) async throws {
        session.observe(.saving(step: session.step))
        // Lines that are not on the disk go into the step's own file.
        if session.unrecorded.isEmpty { try metrics.synchronize() }
        // Checkpoints are numbered by the steps that the trainer has taken.
        let step = session.step - session.idle
        let progress = RunDirectory.progressFile(step)
        try session.folder.claim(progress, "checkpoints/step-\(step)")
        // Before the checkpoint of the same step, so that no complete checkpoint is without it.
        try session.folder.folder.write(session.progress, to: progress)
        let saved = try await uncancelled { try await trainer.save().path }
        (session.lastCheckpoint, session.savedStep) = (saved, session.step)
        if saved == "\(directory.checkpoints)/step-\(step)" { directory.removeOldProgress(before: step, isOwn: session.folder.hasMade) }
    }

    /// Saves what was learned before a step that failed or was cancelled.
    /// - Returns: what to throw: the error, with what became of the steps before it.
    private func saving<Algorithm>(
        _ session: inout Session<Algorithm>, _ metrics: RecordFile<TrainingStep>, despite error: any Error
    ) async throws -> any Error {
        do {
            // They are of a step that will be taken again.
            try await uncancelled { try await trainer.clearGradients() }
            guard session.step > session.savedStep else { return error }
            try await save(&session, metrics)
        } catch let failure {
            guard let error = error as? TrainerError else { throw failure }
            guard session.step > session.savedStep else { return error }
            let reason = (failure as? TrainerError)?.message ?? "\(failure)"
            return error.adding("step \(session.step) could not be saved either" + (reason == error.message ? "" : ": \(reason)"))
        }
        return (error as? TrainerError)?.adding("step \(session.step) is saved at \(session.lastCheckpoint ?? "")") ?? error
    }

    /// Does something in a task of its own, which the cancellation of this one does not reach.
    private func uncancelled<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await Task { try await body() }.value
    }

    private func finish<Algorithm>(
        _ session: Session<Algorithm>, _ before: Algorithm.Measurement
    ) async throws -> Algorithm.Report {
        let after = try await session.measure(.after)
        try session.folder.claim("model", "report.json")
        let exported = try await trainer.save(name: nil, path: directory.model, weightsOnly: true)
        try ExportedModel.check(exported.path)
        let end = TrainingEnd(
            tokensPerSecond: Double(session.tokens) / max(session.seconds, 1e-9), steps: session.step,
            seconds: session.seconds, checkpoint: session.lastCheckpoint ?? directory.checkpoints,
            exported: exported.path)
        let report = session.algorithm.report(before: before, after: after, end: end)
        try session.folder.folder.write(report, to: "report.json")
        return report
    }
}

extension TrainerError {
    fileprivate func adding(_ more: String) -> TrainerError { TrainerError(code, "\(message); \(more)", expected: expected) }
}
