public import Foundation
public import Swage
import SwageFiles
import Synchronization

/// The folder of one evaluation. It may be that of a training run as well, even while that run trains: neither writes what
/// the other does.
///
/// ```
/// evaluation.json what the evaluation is, and every file that it has made
/// evaluation.lock whose it is, while a process evaluates
/// losses.jsonl    one line a batch: what its targets cost
/// answers.jsonl   one line a problem: the problem, and every answer with its score
/// result.json     what came out
/// ```
///
/// From ``begin(settings:contents:loss:accuracy:)`` on it is this process's alone, for as long as there is a copy of the value.
public struct EvaluationDirectory: Sendable {
    /// The path of the folder, as it was given; ``begin(settings:contents:loss:accuracy:)`` makes it where it is not there.
    public let path: String
    private let work = Work()

    private final class Work: Sendable {
        let folder = Mutex<WorkFolder?>(nil)
    }

    /// Only names the folder: nothing is made or read yet.
    public init(path: String) { self.path = path }

    /// Only names the folder, as ``init(path:)`` does.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for what is no place on disk.
    public init(url: URL) throws { self.init(path: try url.filePath) }

    /// The record of ``Evaluation/run(_:record:progress:)``.
    public var losses: String { path + "/losses.jsonl" }
    /// The record of ``AccuracyEvaluation/run(record:progress:)``.
    public var answers: String { path + "/answers.jsonl" }

    private var folder: OutputFolder { OutputFolder(path: path) }

    /// Makes sure that an evaluation can be here: under a name of its own, and apart from everything that is read.
    /// - Parameter inputs: the path of each thing that is read, by what it is, such as `the data`.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    public func check(inputs: [String: String]) throws {
        try folder.checkName()
        try folder.checkApart(WorkLayout.evaluation.places, from: inputs)
    }

    /// Removes what an earlier evaluation has made here, file by file, and nothing else.
    /// - Throws: ``Swage/TrainerError`` with code `folderInUse` while one goes on here, `corruptFile` if `evaluation.json`
    ///   is not that of an evaluation, and `invalidOption` for a folder in which none can be.
    public func clear() throws {
        try folder.checkName()
        guard FileManager.default.fileExists(atPath: path) else { return }
        _ = try WorkFolder(path, .evaluation).clear()
    }

    /// The tokenizer as the evaluation here began with it: a chat format that writes today's date goes on writing that day's.
    public func asBegun(_ tokenizer: any Tokenizer, isNew: Bool = false) throws -> any Tokenizer {
        try WorkLayout.evaluation.asBegun(tokenizer, in: folder, isNew: isNew)
    }

    /// Begins an evaluation here, or makes sure that the one that was begun can go on.
    /// - Parameters:
    ///   - settings: what changes the result beside the options of both evaluations, by name.
    ///   - contents: what is read beside their data, by what it is, such as `the model`.
    ///   - loss: what goes into ``losses``.
    ///   - accuracy: what goes into ``answers``.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` if another was begun, or a file of somebody else is in the
    ///   way, `folderInUse` if another process evaluates here, and `inputOutput` if the folder cannot be written to.
    public func begin(
        settings: [String: String], contents: [String: RunIdentity.Content] = [:], loss: Evaluation? = nil,
        accuracy: AccuracyEvaluation? = nil
    ) throws {
        var identity = RunIdentity(recipe: "evaluate", settings: settings, contents: contents)
        for (name, part) in [("loss", loss?.identity), ("accuracy", try accuracy?.identity())] {
            for (option, value) in part?.options ?? [:] {
                identity.options[option == RunIdentity.day ? option : "\(name).\(option)"] = value
            }
            identity.add(part?.contents ?? [:])
        }
        try check(inputs: identity.contents.compactMapValues(\.path))
        AtomicDirectory.removeAbandonedFiles(in: path) {
            ["evaluation.json", "losses.jsonl", "answers.jsonl", "result.json"].contains($0)
        }
        self.work.folder.withLock { $0 = nil }
        let work = try WorkFolder(path, .evaluation)
        try work.begin(identity)
        try work.claim("losses.jsonl", "answers.jsonl", "result.json")
        self.work.folder.withLock { $0 = work }
    }

    /// Writes what came out.
    /// - Parameter json: the result, as JSON.
    public func write(result json: Data) throws {
        let begun = try work.folder.withLock { $0 } ?? WorkFolder(path, .evaluation)
        try begun.claim("result.json")
        try AtomicDirectory.replaceFile(begun.folder.file("result.json"), with: json)
    }
}
