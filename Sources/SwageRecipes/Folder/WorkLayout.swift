import Foundation
import Swage
import SwageFiles
import SwageText

/// Which files a kind of work has in its folder.
struct WorkLayout: Sendable {
    /// As people call it.
    let worker: String
    /// The file that says what the work is, and lists what it has made.
    let record: String
    /// The file that is locked while somebody works.
    let lock: String
    /// Everything at the top of the folder that may be written.
    let places: [String]

    static let run = WorkLayout(
        worker: "a run", record: "run.json", lock: "run.lock",
        places: [
            "run.json", "run.lock", "metrics.jsonl", "report.json", "profile.json", "data", "checkpoints", "model", "handover",
        ])

    static let evaluation = WorkLayout(
        worker: "an evaluation", record: "evaluation.json", lock: "evaluation.lock",
        places: ["evaluation.json", "evaluation.lock", "losses.jsonl", "answers.jsonl", "result.json"])

    /// A tokenizer that writes the day on which the work in a folder began, where its chat format writes a day.
    func asBegun(_ tokenizer: any Tokenizer, in folder: OutputFolder, isNew: Bool = false) throws -> any Tokenizer {
        guard let dated = tokenizer as? TextTokenizer, dated.day != nil else { return tokenizer }
        return dated.writing(day: isNew ? nil : try record(in: folder)?.identity?.options[RunIdentity.day])
    }

    /// Nil if nothing was begun in the folder.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` for a file that we have not written.
    func record(in folder: OutputFolder) throws -> WorkRecord? { try folder.read(WorkRecord.self, record) }

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` if the work that was begun is not the same.
    func check(_ identity: RunIdentity, _ record: WorkRecord, in folder: OutputFolder) throws {
        let way = "another output folder, or a restart"
        guard let known = record.identity else {
            throw TrainerError(
                .invalidOption, "\(folder.file(self.record)) is of an earlier version of Swage, which did not note what was read",
                expected: way)
        }
        let differences = identity.differences(from: known, in: folder.path)
        guard differences.isEmpty else {
            throw TrainerError(.invalidOption, differences.joined(separator: "; "), expected: "the same to go on, \(way)")
        }
    }

    /// What an earlier version, which kept no list, has left: what has one of its names, and what it wrote inside.
    func filesOfOldVersion(in folder: OutputFolder) -> [String] {
        let candidates = places.filter { $0 != record && $0 != lock }.flatMap { name in
            [name] + ((try? FileManager.default.contentsOfDirectory(atPath: folder.file(name))) ?? []).map { "\(name)/\($0)" }
        }
        return candidates.filter { OldFile(name: $0, path: folder.file($0)).isOurs }
    }
}

/// A file that an earlier version of Swage may have written.
private struct OldFile {
    /// Its path within the folder.
    let name: String
    let path: String

    var isOurs: Bool {
        switch name {
        // They go if nothing stays in them.
        case "data", "checkpoints": true
        case "metrics.jsonl": firstLine(has: ["step", "loss", "gradientNorm"])
        case "losses.jsonl": firstLine(has: ["cost", "tokens", "examples"])
        case "answers.jsonl": firstLine(has: ["problem", "answers"])
        case "report.json": isObject(with: ["end"])
        case "profile.json": isObject(with: ["traceEvents"])
        case "result.json": isObject(with: ["loss"]) || isObject(with: ["accuracy"])
        case "data/reference-training.bin", "data/reference-held-out.bin": true
        case "model", "handover": isCheckpoint
        case _ where name.wholeMatch(of: /data\/step-\d+\.json/) != nil: isObject(with: ["position", "tokens"])
        case _ where name.wholeMatch(of: /checkpoints\/step-\d+/) != nil: isCheckpoint
        default: false
        }
    }

    private var isCheckpoint: Bool { (try? AtomicDirectory.requireOwn(path)) != nil }

    private func isObject(with keys: [String]) -> Bool { Self.holds(FileManager.default.contents(atPath: path), keys) }

    /// An empty file loses nothing.
    private func firstLine(has keys: [String]) -> Bool {
        guard let data = FileManager.default.contents(atPath: path) else { return false }
        return data.isEmpty || Self.holds(data.split(separator: UInt8(ascii: "\n"), maxSplits: 1).first, keys)
    }

    private static func holds(_ data: Data?, _ keys: [String]) -> Bool {
        guard let data, let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else { return false }
        return keys.allSatisfy { object[$0] != nil }
    }
}
