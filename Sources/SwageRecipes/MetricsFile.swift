import Foundation
import Swage

/// A file to which a run adds one line of JSON a step.
struct MetricsFile {
    private let handle: FileHandle

    /// Opens the file, and drops the lines of steps that a resumed run will take again.
    init(_ path: String, keepingSteps step: Int) throws {
        do {
            let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            let kept = text.split(separator: "\n").prefix { line in
                (try? JSONDecoder().decode(TrainingStep.self, from: Data(line.utf8))).map { $0.step <= step } ?? false
            }
            try FileManager.default.createDirectory(
                at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(kept.map { $0 + "\n" }.joined().utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
            handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try handle.seekToEnd()
        } catch {
            throw TrainerError(.inputOutput, "\(path) cannot be written: \((error as NSError).localizedDescription)")
        }
    }

    func append(_ step: TrainingStep) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try handle.write(contentsOf: try encoder.encode(step) + Data("\n".utf8))
    }

    /// Flushes what was appended to the disk.
    func synchronize() throws { try handle.synchronize() }
}
