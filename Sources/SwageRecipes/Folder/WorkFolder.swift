import Foundation
import Swage
import SwageFiles
import SwageText
import Synchronization

/// A folder while one process works in it: locked, with a list of everything that the work makes there.
///
/// Every name is claimed before it is written. What others have put there is never written over.
final class WorkFolder: Sendable {
    let folder: OutputFolder
    private let layout: WorkLayout
    private let lock: FolderLock
    private let record: Mutex<WorkRecord?>

    /// Makes the folder, and locks it.
    /// - Throws: ``Swage/TrainerError`` with code `folderInUse`, `inputOutput`, or `corruptFile` for a record that is not ours.
    init(_ path: String, _ layout: WorkLayout) throws {
        folder = OutputFolder(path: path)
        self.layout = layout
        try folder.checkName()
        try folder.prepare()
        lock = try FolderLock(folder.file(layout.lock), of: path)
        record = Mutex(try layout.record(in: folder))
    }

    /// Whether work was begun here before.
    var isBegun: Bool { record.withLock { $0?.identity != nil } }

    /// What was measured before the first step; nil if nothing was yet.
    func before<Measurement: Recorded>(_: Measurement.Type) throws -> Measurement? {
        guard let record = record.withLock({ $0 }), record.isMeasured else { return nil }
        let data = try RecordCoding.encode(record.before)
        return try RecordCoding.decode(Measurement.self, data, "\(folder.file(layout.record)): \"before\"")
    }

    /// Begins work here, or makes sure that what was begun is the same.
    func begin(_ identity: RunIdentity) throws {
        try record.withLock { record in
            if let record, record.identity != nil || record.isOld { return try layout.check(identity, record, in: folder) }
            var new = record ?? WorkRecord()
            for name in layout.places where name != layout.lock && (name != layout.record || record == nil) {
                try checkFree(name, new)
            }
            new.identity = identity
            try folder.write(new, to: layout.record)
            record = new
        }
    }

    func note(before: some Encodable) throws {
        let value = try JSONDecoder().decode(RecordedValue.self, from: RecordCoding.encode(before))
        try change { record in
            (record.before, record.isMeasured) = (value, true)
        }
    }

    /// Lists names, and the folders that they lie in, as made by this work.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` where somebody else has put something.
    func claim(_ names: String...) throws { try claim(names) }

    func claim(_ names: [String]) throws {
        try change { record in
            var new: [String] = []
            for name in names.flatMap(Self.withFolders) where !record.files.contains(name) && !new.contains(name) {
                try checkFree(name, record)
                new.append(name)
            }
            // Numbered files and folders come and go.
            record.files.removeAll { $0.contains("/") && !names.contains($0) && isGone($0) }
            record.files += new
        }
    }

    /// Makes sure that what later steps will write can be written: numbered files, and the folders that they lie in.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` or `inputOutput`.
    func requireRoom(after step: Int) throws {
        let known = record.withLock { $0 } ?? WorkRecord()
        for name in layout.places where name != layout.lock && name != layout.record { try checkFree(name, known) }
        for place in ["checkpoints", "data"] {
            let path = folder.file(place)
            guard FileManager.default.fileExists(atPath: path) else { continue }
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: path), FileManager.default.isWritableFile(atPath: path) else {
                throw TrainerError(.inputOutput, "\(path) cannot be written to", expected: "a folder with permission to write")
            }
            for name in names.sorted() {
                guard let match = name.wholeMatch(of: /step-(\d+)(?:\.json)?/), let number = Int(match.1), number > step else { continue }
                try checkFree("\(place)/\(name)", known)
                guard place == "checkpoints" || FileKind("\(path)/\(name)") == .file else {
                    throw TrainerError(.inputOutput, "\(path)/\(name) is no file", expected: "that you move it away")
                }
            }
        }
    }

    /// Whether a name is among those that this work has listed as its own.
    func hasMade(_ name: String) -> Bool { record.withLock { $0?.files.contains(name) ?? false } }

    private func change(_ body: (inout WorkRecord) throws -> Void) throws {
        try record.withLock { record in
            var new = record ?? WorkRecord()
            let old = new.files
            try body(&new)
            if record != nil, new.files == old, new.isMeasured == record?.isMeasured { return }
            try folder.write(new, to: layout.record)
            record = new
        }
    }

    private func checkFree(_ name: String, _ record: WorkRecord) throws {
        guard !record.files.contains(name), !folder.isFree(name) else { return }
        throw TrainerError(
            .invalidOption, "\(folder.file(name)) is there, and was not written by \(layout.worker) in this folder",
            expected: "another output folder, or that you move it away")
    }

    private func isGone(_ name: String) -> Bool {
        var found = stat()
        return lstat(folder.file(name), &found) != 0
    }

    private static func withFolders(_ name: String) -> [String] {
        let names = name.split(separator: "/")
        return names.indices.map { names[...$0].joined(separator: "/") }
    }

    /// Removes what the work has made, file by file, and nothing else.
    /// - Returns: the paths that stay in its folders, for others have put them there.
    func clear() throws -> [String] {
        try record.withLock { record in
            guard let known = record else { return [] }
            let removal = Removal(folder: folder, files: known.isOld ? layout.filesOfOldVersion(in: folder) : known.files)
            let (kept, left) = try removal.run()
            if kept.isEmpty {
                try removal.remove(file: layout.record)
                record = nil
            } else {
                var rest = WorkRecord()
                rest.files = kept
                try folder.write(rest, to: layout.record)
                record = rest
            }
            return left
        }
    }
}
