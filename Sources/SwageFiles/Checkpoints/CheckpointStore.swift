import Foundation
package import Swage
import SwageText

/// Where a trainer's checkpoints lie, how they are named, and which of them are complete.
package struct CheckpointStore: Sendable {
    package let directory: String

    package init(directory: String) { self.directory = directory }

    /// Where `save` writes: see ``Swage/Trainer/save(name:path:weightsOnly:)``.
    /// - Throws: ``TrainerError`` with code `invalidOption` for a name that leaves its directory.
    package func destination(name: String?, path: String?, weightsOnly: Bool, step: Int) throws -> String {
        try Self.checkName(name)
        if path?.isEmpty == true { throw TrainerError(.invalidOption, "the checkpoint path is empty") }
        if let path, PartialFolder.isName(of: path) {
            throw TrainerError(
                .invalidOption, "the checkpoint path \(path) is named as what is being written",
                expected: "a name that does not begin with a dot")
        }
        switch (path, name) {
        case (let path?, let name?): return path + "/" + name
        case (let path?, nil): return path
        case (nil, let name?): return directory + "/" + name
        case (nil, nil): return directory + (weightsOnly ? "/weights-step-\(step)" : "/step-\(step)")
        }
    }

    /// - Throws: ``TrainerError`` with code `invalidOption` for a name that leaves its directory, or would not be found there.
    package static func checkName(_ name: String?) throws {
        if let name, !name.isPlainFileName || name.utf8.first == UInt8(ascii: ".") {
            throw TrainerError(
                .invalidOption, "the checkpoint name is \"\(name)\"",
                expected: "a plain file name that does not begin with a dot")
        }
    }

    /// Writes the files that `fill` makes, and the manifest after them, as one checkpoint.
    package func write(
        _ manifest: CheckpointManifest, to path: String, fill: (_ directory: String) throws -> Void
    ) throws {
        try AtomicDirectory.write(path) { partial in
            try fill(partial)
            var manifest = manifest
            let folder = URL(literalPath: path).standardizedFileURL.deletingLastPathComponent().path
            manifest.sequence = Self.nextSequence(in: folder)
            manifest.savedAt = UInt64(max(0, Date().timeIntervalSince1970) * 1e9)
            for name in try FileManager.default.contentsOfDirectory(atPath: partial) where name != PartialFolder.markName {
                let attributes = try FileManager.default.attributesOfItem(atPath: partial + "/" + name)
                manifest.fileSizes[name] = (attributes[.size] as? NSNumber)?.intValue ?? 0
            }
            manifest.fileChecksums = try Dictionary(
                uniqueKeysWithValues: manifest.fileSizes.keys.map { ($0, try FileChecksum.of(partial + "/" + $0)) })
            manifest.manifestChecksum = ManifestChecksum.zeros
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try AtomicDirectory.writeFile(
                ManifestChecksum.signed(encoder.encode(manifest)), to: partial + "/" + CheckpointManifest.fileName)
        }
    }

    /// The manifest of a complete checkpoint, or nil for a model folder that no trainer has written.
    /// - Throws: ``TrainerError`` with code `checkpointNotFound`, `corruptFile` or `checkpointMismatch`.
    package func manifest(of path: String) throws -> CheckpointManifest? {
        guard FileManager.default.fileExists(atPath: path) else {
            throw TrainerError(.checkpointNotFound, "there is no checkpoint at \(path)", expected: expectedPlace)
        }
        guard let manifest = try CheckpointManifest.read(from: path) else {
            // A file of another kind is as little a checkpoint here as it is to engines that open folders alone.
            guard FileManager.default.fileExists(atPath: path + "/config.json") || GGUFPart.isBegun(path) else {
                throw TrainerError(.checkpointNotFound, "\(path) holds no checkpoint", expected: expectedPlace)
            }
            return nil
        }
        for (name, size) in manifest.fileSizes.sorted(by: { $0.key < $1.key }) {
            let file = path + "/" + name
            guard FileKind(file) == .file else {
                throw TrainerError(.corruptFile, "\(file) is missing or no file", expected: "\(size) bytes, as the checkpoint says")
            }
            let found = try? FileManager.default.attributesOfItem(atPath: file)[.size] as? NSNumber
            guard found?.intValue == size else {
                throw TrainerError(
                    .corruptFile, "\(file) has \(found?.intValue ?? 0) bytes", expected: "\(size) bytes, as the checkpoint says")
            }
        }
        return manifest
    }

    /// The checkpoint that a trainer is to load, every byte of which is as it was written; the manifest is nil for a model folder
    /// that no trainer has written.
    /// - Parameter path: nil for the newest complete one. A damaged one is passed over.
    /// - Throws: ``TrainerError`` with code `checkpointNotFound`, `corruptFile` or `checkpointMismatch`.
    package func open(_ path: String?) throws -> (path: String, manifest: CheckpointManifest?) {
        guard let path else {
            let newest = try newest()
            return (newest.path, newest.manifest)
        }
        let manifest = try manifest(of: path)
        try manifest?.verify(path)
        return (path, manifest)
    }

    /// The path of the newest complete checkpoint: the one that was written last, whatever the clock says. Weights alone do not
    /// hide the full one that was written before them at the same step.
    /// - Throws: ``TrainerError`` with code `checkpointNotFound` if there is none.
    package func newestComplete() throws -> String { try newest().path }

    private func newest() throws -> (path: String, manifest: CheckpointManifest) {
        var found = complete()
        while let last = found.last {
            let ofTheLastStep = found.reversed().prefix { $0.manifest.step == last.manifest.step }
            let newest = ofTheLastStep.first { !$0.manifest.weightsOnly } ?? last
            if (try? newest.manifest.verify(newest.path)) != nil { return newest }
            found.removeAll { $0.path == newest.path }
        }
        throw TrainerError(.checkpointNotFound, "there is no complete checkpoint in \(directory)", expected: expectedPlace)
    }

    /// The numbered checkpoints of later steps that are not complete, and what is wrong with each.
    package func damaged(after step: Int) -> [(path: String, error: TrainerError)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let later = names.compactMap { name in name.hasPrefix("step-") ? Int(name.dropFirst(5)) : nil }.filter { $0 > step }
        return later.sorted().compactMap { step in
            let path = "\(directory)/step-\(step)"
            do {
                if let manifest = try manifest(of: path) {
                    try manifest.verify(path)
                    return nil
                }
                return (path, TrainerError(.corruptFile, "\(path) has no \(CheckpointManifest.fileName)"))
            } catch {
                return (path, error as? TrainerError ?? TrainerError(.corruptFile, error.summary))
            }
        }
    }

    /// Makes sure that checkpoints of later steps can be written: what lies in their places is a trainer's to replace.
    /// - Throws: ``TrainerError`` with code `notAllowed`.
    package func requireRoom(after step: Int) throws {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        for name in names.sorted() where name.hasPrefix("step-") && Int(name.dropFirst(5)) ?? 0 > step {
            try WrittenFolder.requireReplaceable("\(directory)/\(name)")
        }
    }

    /// Removes all but the `count` newest full checkpoints that lie under their own `step-N`, and nothing but those.
    /// - Parameter written: the one that was written just now, which stays in any case.
    package func keepNewest(_ count: Int, written: String) {
        let numbered = complete().filter { !$0.manifest.weightsOnly && $0.path.hasSuffix("/step-\($0.manifest.step)") }
        for old in numbered.dropLast(count) where old.path != written { try? AtomicDirectory.remove(old.path) }
    }

    /// Oldest first. Those that are older than their numbers go by their steps.
    private func complete() -> [(path: String, manifest: CheckpointManifest)] {
        let found = Self.folders(in: directory).compactMap { path -> (path: String, manifest: CheckpointManifest)? in
            guard let manifest = try? manifest(of: path) else { return nil }
            return (path, manifest)
        }
        // A copy that somebody has made is of the same age as what it was made of.
        func rank(_ entry: (path: String, manifest: CheckpointManifest)) -> [Int] {
            entry.manifest.age + [entry.path.hasSuffix("/step-\(entry.manifest.step)") ? 1 : 0]
        }
        return found.sorted { rank($0).lexicographicallyPrecedes(rank($1)) }
    }

    private static func nextSequence(in directory: String) -> Int {
        let known = folders(in: directory).compactMap { (try? CheckpointManifest.read(from: $0, asWritten: false))?.sequence }
        return min(CheckpointManifest.largestCount, (known.max() ?? 0) + 1)
    }

    /// The folders in which checkpoints may be. A link is none: it leads to what is not here.
    private static func folders(in directory: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { $0.utf8.first != UInt8(ascii: ".") }.sorted().map { directory + "/" + $0 }.filter { FileKind($0) == .folder }
    }

    private var expectedPlace: String { "a folder that save has written, by default under \(directory)" }
}

extension CheckpointManifest {
    /// Makes sure that the files of a checkpoint hold what was written.
    /// - Throws: ``TrainerError`` with code `corruptFile`.
    fileprivate func verify(_ folder: String) throws {
        for (name, checksum) in (fileChecksums ?? [:]).sorted(by: { $0.key < $1.key }) {
            let found = try FileChecksum.of(folder + "/" + name)
            guard found == checksum else {
                throw TrainerError(
                    .corruptFile, "\(folder)/\(name) has the checksum \(found)", expected: "\(checksum), as the checkpoint says: it is damaged")
            }
        }
    }

    /// Grows from one to the next.
    fileprivate var age: [Int] { [sequence ?? 0, step, weightsOnly ? 0 : 1] }
}
