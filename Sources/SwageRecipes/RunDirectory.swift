import Foundation
import Swage
import SwageFiles
import SwageText

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
    private var begun: String { path + "/run.json" }
    private var report: String { path + "/report.json" }

    /// Removes what earlier runs have left here, and nothing else.
    public func clear() throws {
        for item in [begun, report, metrics, checkpoints, model, path + "/data"]
        where FileManager.default.fileExists(atPath: item) {
            try Self.withPath(item, "removed") { try FileManager.default.removeItem(atPath: item) }
        }
    }

    /// Makes sure that the folder is there and can be written to, before any work is done.
    func prepare() throws {
        try Self.withPath(path, "created") {
            try FileManager.default.createDirectory(atPath: path + "/data", withIntermediateDirectories: true)
        }
        guard FileManager.default.isWritableFile(atPath: path) else {
            throw TrainerError(.inputOutput, "\(path) cannot be written to", expected: "a folder with permission to write")
        }
    }

    /// What a run knows from its beginning on.
    struct Beginning<Measurement: Codable>: Codable {
        var settings: [String: String]
        var before: Measurement
    }

    func readBeginning<Measurement>(_: Measurement.Type) throws -> Beginning<Measurement>? {
        try read(Beginning<Measurement>.self, begun)
    }
    func write(_ beginning: Beginning<some Codable>) throws { try write(beginning, to: begun) }

    func readReport<Report: Decodable>(_: Report.Type) throws -> Report? { try read(Report.self, report) }
    func write(report: some Encodable) throws { try write(report, to: self.report) }

    /// What a step ends with, beside the trainer's own state.
    struct Progress<Position: Codable>: Codable {
        var position: Position
        /// The tokens that all steps together have read, and the seconds that they took.
        var tokens: Int
        var seconds: Double
    }

    func readProgress<Position>(_: Position.Type, step: Int) throws -> Progress<Position>? {
        try read(Progress<Position>.self, progressFile(step))
    }

    /// Written before the checkpoint of the same step, so that no complete checkpoint is without it.
    func write(_ progress: Progress<some Codable>, step: Int) throws {
        try write(progress, to: progressFile(step))
    }

    private func progressFile(_ step: Int) -> String { "\(path)/data/step-\(step).json" }

    func read<Value: Decodable>(_: Value.Type, _ file: String) throws -> Value? {
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        do {
            return try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
        } catch {
            throw TrainerError(.corruptFile, "\(file) cannot be read: \(error)", expected: "what a run has written")
        }
    }

    func write(_ value: some Encodable, to file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(value)
        let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
        try Self.withPath(folder.path, "created") {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        try AtomicDirectory.replaceFile(file, with: data)
    }

    private static func withPath(_ path: String, _ verb: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw TrainerError(
                .inputOutput, "\(path) cannot be \(verb): \((error as NSError).localizedDescription)")
        }
    }
}
