import Foundation

/// The folder of one evaluation. It may be that of a training run as well.
///
/// ```
/// evaluation.json settings
/// losses.jsonl    one line a batch: what its targets cost
/// answers.jsonl   one line a problem: the problem, and every answer with its score
/// result.json     what came out
/// ```
public struct EvaluationDirectory: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    /// The record of ``Evaluation/run(_:record:progress:)``.
    public var losses: String { path + "/losses.jsonl" }
    /// The record of ``AccuracyEvaluation/run(record:progress:)``.
    public var answers: String { path + "/answers.jsonl" }
    private var folder: OutputFolder { OutputFolder(path: path) }
    private var begun: String { path + "/evaluation.json" }
    private var result: String { path + "/result.json" }

    /// Removes what earlier evaluations have left here, and nothing else.
    public func clear() throws { try folder.remove([begun, losses, answers, result]) }

    /// Begins an evaluation here, or makes sure that the one that was begun can go on.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` if it was begun with other settings, and `inputOutput` if
    ///   the folder cannot be written to.
    public func begin(settings: [String: String]) throws {
        try folder.prepare()
        if try !folder.wasBegun(begun, settings: settings) { try folder.write(["settings": settings], to: begun) }
    }

    /// Writes what came out.
    /// - Parameter json: the result, as JSON.
    public func write(result json: Data) throws { try folder.write(json, to: result) }
}
