import Swage

/// The folder of one training run: what it was begun with, how far it is, and what came out.
///
/// ```
/// run.json             settings, and what was measured before the first step
/// metrics.jsonl        one line a step
/// data/step-N.json     where in the data step N ended
/// data/reference-*.bin what a reference model makes of the data, as float32
/// checkpoints/step-N/  the trainer's checkpoints
/// model/               the trained model, in Hugging Face's layout
/// report.json          the end
/// ```
public struct RunDirectory: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    /// The default place of the trainer's checkpoints.
    public var checkpoints: String { path + "/checkpoints" }
    /// Where the trained model is exported to.
    public var model: String { path + "/model" }
    public var metrics: String { path + "/metrics.jsonl" }
    /// Where a reference model's log-probabilities of some data are kept.
    func reference(_ name: String) -> String { "\(path)/data/reference-\(name).bin" }
    private var folder: OutputFolder { OutputFolder(path: path) }
    private var begun: String { path + "/run.json" }
    private var report: String { path + "/report.json" }

    /// Removes what earlier runs have left here, and nothing else.
    public func clear() throws { try folder.remove([begun, report, metrics, checkpoints, model, path + "/data"]) }

    /// Makes sure that the folder is there and can be written to, before any work is done.
    func prepare() throws {
        try folder.prepare()
        try OutputFolder(path: path + "/data").prepare()
    }

    /// What a run knows from its beginning on.
    struct Beginning<Measurement: Codable>: Codable {
        var settings: [String: String]
        var before: Measurement
    }

    /// What the run has measured before its first step; nil for a run that has not begun.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` if it was begun with other settings.
    func before<Measurement: Codable>(_: Measurement.Type, settings: [String: String]) throws -> Measurement? {
        guard try folder.wasBegun(begun, settings: settings) else { return nil }
        return try folder.read(Beginning<Measurement>.self, begun)?.before
    }
    func write(_ beginning: Beginning<some Codable>) throws { try folder.write(beginning, to: begun) }

    func readReport<Report: Decodable>(_: Report.Type) throws -> Report? { try folder.read(Report.self, report) }
    func write(report: some Encodable) throws { try folder.write(report, to: self.report) }

    /// What a step ends with, beside the trainer's own state.
    struct Progress<Position: Codable>: Codable {
        var position: Position
        /// The tokens that all steps together have read, and the seconds that they took.
        var tokens: Int
        var seconds: Double
    }

    func readProgress<Position>(_: Position.Type, step: Int) throws -> Progress<Position>? {
        try folder.read(Progress<Position>.self, progressFile(step))
    }

    /// Written before the checkpoint of the same step, so that no complete checkpoint is without it.
    func write(_ progress: Progress<some Codable>, step: Int) throws {
        try folder.write(progress, to: progressFile(step))
    }

    private func progressFile(_ step: Int) -> String { "\(path)/data/step-\(step).json" }
}
