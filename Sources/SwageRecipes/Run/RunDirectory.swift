public import Foundation
import Swage
import SwageFiles
package import SwageText

/// The folder of one training run: what it was begun with, how far it is, and what came out.
///
/// ```
/// run.json             what the run is, every file that it has made, and what was measured before the first step
/// run.lock             whose the folder is, while a process works in it
/// metrics.jsonl        one line a step
/// data/step-N.json     where in the data step N ended
/// data/reference-*.bin what a reference model makes of the data, as float32
/// checkpoints/step-N/  the trainer's checkpoints
/// handover/            weights on their way to a sampler that has its own
/// model/               the trained model, in Hugging Face's layout
/// profile.json         where the time went
/// report.json          the end
/// ```
///
/// A file or folder of one of these names that the run has not made itself is never written over and never removed.
public struct RunDirectory: Sendable {
    /// The path of the folder, as it was given; the run makes it where it is not there.
    public let path: String
    /// Whether what an earlier run has made here is removed, once everything that the new one reads was found good.
    public let startsOver: Bool

    /// Only names the folder: nothing is made, read or removed yet. By default a run that was begun there goes on.
    public init(path: String, startsOver: Bool = false) { (self.path, self.startsOver) = (path, startsOver) }

    /// Only names the folder, as ``init(path:startsOver:)`` does.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for what is no place on disk.
    public init(url: URL, startsOver: Bool = false) throws { self.init(path: try url.filePath, startsOver: startsOver) }

    /// The default place of the trainer's checkpoints.
    public var checkpoints: String { path + "/checkpoints" }
    /// Where the trained model is exported to.
    public var model: String { path + "/model" }
    /// The file of the steps taken so far: each is a line of JSON, a ``TrainingStep``.
    public var metrics: String { path + "/metrics.jsonl" }
    /// Where a reference model's log-probabilities of some data are kept.
    func reference(_ name: String) -> String { "\(path)/\(Self.reference(name))" }
    static func reference(_ name: String) -> String { "data/reference-\(name).bin" }
    var handover: String { path + "/handover" }

    private var folder: OutputFolder { OutputFolder(path: path) }

    /// Makes sure that a run can be here: under a name of its own, and apart from everything that is read.
    /// - Parameter inputs: the path of each thing that is read, by what it is, such as `the data`.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    public func check(inputs: [String: String]) throws {
        try folder.checkName()
        try folder.checkApart(WorkLayout.run.places, from: inputs)
    }

    /// Removes what an earlier run has made here, file by file, and nothing else.
    /// - Returns: what stays in its folders, because others have put it there.
    /// - Throws: ``Swage/TrainerError`` with code `folderInUse` while a run goes on here, `corruptFile` if `run.json` is not
    ///   that of a run, `notAllowed` if somebody has put something into its model or a checkpoint, and `invalidOption` for a
    ///   folder in which no run can be. Then nothing is removed.
    @discardableResult public func clear() throws -> [String] {
        try folder.checkName()
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try WorkFolder(path, .run).clear()
    }

    /// Writes where the time went, as a Chrome trace.
    /// - Returns: the file.
    public func write(profile: Data) throws -> String {
        let work = try WorkFolder(path, .run)
        try work.claim("profile.json")
        try AtomicDirectory.replaceFile(work.folder.file("profile.json"), with: profile)
        return work.folder.file("profile.json")
    }

    /// The folders of runs that a path lies in, itself among them.
    package static func runs(around path: String) -> [String] {
        ResolvedPath(path).chain.dropFirst().filter { FileManager.default.fileExists(atPath: "\($0)/\(WorkLayout.run.record)") }
    }

    /// The folder, for this process alone.
    func open() throws -> WorkFolder { try WorkFolder(path, .run) }

    /// The tokenizer as the run here began with it: a chat format that writes today's date goes on writing that day's.
    func asBegun(_ tokenizer: any Tokenizer) throws -> any Tokenizer {
        try WorkLayout.run.asBegun(tokenizer, in: folder, isNew: startsOver)
    }

    /// Whether a run has begun here.
    func isBegun() throws -> Bool { try WorkLayout.run.record(in: folder)?.identity != nil }

    /// What came out of a run that has come to its end here; nil if none has.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` if a run was begun here that is not the same.
    func report<Report: Recorded>(_: Report.Type, of identity: RunIdentity) throws -> Report? {
        guard let record = try WorkLayout.run.record(in: folder), record.identity != nil || record.isOld else { return nil }
        try WorkLayout.run.check(identity, record, in: folder)
        return record.files.contains("report.json") ? try folder.read(Report.self, "report.json") : nil
    }

    /// What a run of fine-tuning goes on from, read as it reads it: the record, the metrics, and where in the data it is.
    /// - Returns: nil where no step of that number has ended.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile`.
    package func readBack(step: Int) throws -> ExampleStream.Position? {
        _ = try WorkLayout.run.record(in: folder)
        _ = try steps(until: step)
        return try progress(ExampleStream.Position.self, after: step)?.position
    }

    /// Where in its data a run was after a step of the trainer's; nil if no such step has ended.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile`.
    func progress<Position>(_: Position.Type, after step: Int) throws -> Progress<Position>? {
        let file = Self.progressFile(step)
        guard let progress = try folder.read(Progress<Position>.self, file) else { return nil }
        guard [nil, step].contains(progress.step) else {
            throw TrainerError(.corruptFile, "\(folder.file(file)) is that of step \(progress.step!)")
        }
        return progress
    }

    /// The metrics, in which a run goes on after `step`.
    func steps(until step: Int) throws -> RecordFile<TrainingStep> {
        try RecordFile(
            // A file that was cut short lacks steps, and has none twice.
            metrics, fault: { $1.step > $0 ? nil : "\"step\" is \($1.step), not \($0 + 1) or more" }, keeping: { $0.step <= step })
    }

    /// How many lines the metrics have.
    var recordedStepCount: Int {
        (FileManager.default.contents(atPath: metrics) ?? Data()).split(separator: UInt8(ascii: "\n")).count
    }

    /// What a step ends with, beside the trainer's own state.
    struct Progress<Position: Recorded>: Recorded {
        /// The trainer's step, as the file's name has it; nil in those of an earlier version.
        var step: Int?
        var position: Position
        /// The tokens that all steps together have read, and the seconds that they took.
        var tokens: Int
        var seconds: Double
        /// Steps whose lines are not in the metrics file, which could not be written.
        var unrecorded: [TrainingStep]?
        /// How many steps had nothing to learn from, which the trainer does not count.
        var idle: Int?

        var fault: String? {
            Int.fault("\"tokens\"", tokens) ?? Double.fault(seconds: seconds) ?? Int.fault("\"idle\"", idle ?? 0) ?? position.fault
                ?? unrecorded?.lazy.compactMap(\.fault).first
        }
    }

    static func progressFile(_ step: Int) -> String { "data/step-\(step).json" }

    /// Removes the positions of steps whose checkpoints are gone, so that a long run leaves few files.
    /// - Parameter isOwn: whether the run has made the file of that name.
    func removeOldProgress(before step: Int, isOwn: (String) -> Bool) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.file("data"))) ?? []
        for name in names {
            guard let match = name.wholeMatch(of: /step-(\d+)\.json/), let old = Int(match.1), old < step,
                isOwn("data/\(name)"), !FileManager.default.fileExists(atPath: "\(checkpoints)/step-\(old)")
            else { continue }
            try? FileManager.default.removeItem(atPath: folder.file("data/\(name)"))
        }
    }
}
