import Foundation
import Swage
import SwageText

/// What a checkpoint says about itself, in the file `checkpoint.json`. It is written last.
package struct CheckpointManifest: Codable, Sendable, Equatable {
    package static let fileName = "checkpoint.json"
    package static let currentFormat = 1

    package var format = CheckpointManifest.currentFormat
    /// What the weights belong to: equal for models whose parameters have the same names and shapes.
    package var modelSignature: String
    package var step: Int
    package var weightsOnly: Bool
    package var accumulatedMicrobatches = 0
    /// The sum of the accumulated microbatches' denominators.
    package var accumulatedDenominator = 0.0
    package var optimizer: OptimizerOptions?
    /// Nanoseconds since 1970, by which the newest is found.
    package var savedAt: UInt64 = 0
    /// The size of every file that belongs to the checkpoint.
    package var fileSizes: [String: Int] = [:]

    package init(modelSignature: String, step: Int, weightsOnly: Bool) {
        self.modelSignature = modelSignature
        self.step = step
        self.weightsOnly = weightsOnly
    }
}

/// Where a trainer's checkpoints lie, how they are named, and which of them are complete.
package struct CheckpointStore: Sendable {
    package let directory: String

    package init(directory: String) { self.directory = directory }

    /// Where `save` writes: see ``Swage/Trainer/save(name:path:weightsOnly:)``.
    /// - Throws: ``TrainerError`` with code `invalidOption` for a name that leaves its directory.
    package func destination(name: String?, path: String?, weightsOnly: Bool, step: Int) throws -> String {
        if let name, name.isEmpty || name.contains("/") || name.hasPrefix(".") {
            throw TrainerError(
                .invalidOption, "the checkpoint name is \"\(name)\"",
                expected: "a plain file name that does not begin with a dot")
        }
        if path?.isEmpty == true { throw TrainerError(.invalidOption, "the checkpoint path is empty") }
        switch (path, name) {
        case (let path?, let name?): return path + "/" + name
        case (let path?, nil): return path
        case (nil, let name?): return directory + "/" + name
        case (nil, nil): return directory + (weightsOnly ? "/weights-step-\(step)" : "/step-\(step)")
        }
    }

    /// Writes the files that `fill` makes, and the manifest after them, as one checkpoint.
    package func write(
        _ manifest: CheckpointManifest, to path: String, fill: (_ directory: String) throws -> Void
    ) throws {
        try AtomicDirectory.write(path) { partial in
            try fill(partial)
            var manifest = manifest
            manifest.savedAt = UInt64(max(0, Date().timeIntervalSince1970) * 1e9)
            for name in try FileManager.default.contentsOfDirectory(atPath: partial) {
                let attributes = try FileManager.default.attributesOfItem(atPath: partial + "/" + name)
                manifest.fileSizes[name] = (attributes[.size] as? NSNumber)?.intValue ?? 0
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try AtomicDirectory.writeFile(
                try encoder.encode(manifest), to: partial + "/" + CheckpointManifest.fileName)
        }
    }

    /// The manifest of a complete checkpoint, or nil for a model folder that no trainer has written.
    /// - Throws: ``TrainerError`` with code `checkpointNotFound`, `corruptFile` or `checkpointMismatch`.
    package func manifest(of path: String) throws -> CheckpointManifest? {
        let folder = ModelFolder(path: path)
        guard FileManager.default.fileExists(atPath: path) else {
            throw TrainerError(.checkpointNotFound, "there is no checkpoint at \(path)", expected: expectedPlace)
        }
        guard let manifest = try folder.decode(CheckpointManifest.self, CheckpointManifest.fileName) else { return nil }
        guard manifest.format == CheckpointManifest.currentFormat else {
            throw TrainerError(
                .checkpointMismatch, "\(path) has the checkpoint format \(manifest.format)",
                expected: "format \(CheckpointManifest.currentFormat)")
        }
        guard manifest.step >= 0, manifest.accumulatedMicrobatches >= 0, manifest.accumulatedDenominator.isFinite else {
            throw TrainerError(.corruptFile, "\(path)/\(CheckpointManifest.fileName) has impossible counts")
        }
        for (name, size) in manifest.fileSizes.sorted(by: { $0.key < $1.key }) {
            let found = try? FileManager.default.attributesOfItem(atPath: path + "/" + name)[.size] as? NSNumber
            guard found?.intValue == size else {
                throw TrainerError(
                    .corruptFile, "\(path)/\(name) has \(found.map { "\($0) bytes" } ?? "no size, for it is missing")",
                    expected: "\(size) bytes, as the checkpoint says")
            }
        }
        return manifest
    }

    /// The path of the newest complete checkpoint.
    /// - Throws: ``TrainerError`` with code `checkpointNotFound` if there is none.
    package func newestComplete() throws -> String {
        guard let newest = complete().max(by: { $0.manifest.savedAt < $1.manifest.savedAt }) else {
            throw TrainerError(
                .checkpointNotFound, "there is no complete checkpoint in \(directory)", expected: expectedPlace)
        }
        return newest.path
    }

    /// Removes all but the `count` newest full checkpoints that lie under their own `step-N`.
    package func keepNewest(_ count: Int) {
        let numbered = complete().filter { !$0.manifest.weightsOnly && $0.path.hasSuffix("/step-\($0.manifest.step)") }
        for old in numbered.sorted(by: { $0.manifest.savedAt > $1.manifest.savedAt }).dropFirst(count) {
            try? FileManager.default.removeItem(atPath: old.path)
        }
    }

    private func complete() -> [(path: String, manifest: CheckpointManifest)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { !$0.hasPrefix(".") }.compactMap { name in
            let path = directory + "/" + name
            guard let manifest = try? manifest(of: path) else { return nil }
            return (path, manifest)
        }
    }

    private var expectedPlace: String { "a folder that save has written, by default under \(directory)" }
}
