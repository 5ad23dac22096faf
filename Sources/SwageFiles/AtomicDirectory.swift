import CSwageSystem
import Foundation
import Swage
import SwageText

/// Directories that appear under their name with all of their files, or not at all.
package enum AtomicDirectory {
    /// Directories being written carry this in their names; a crash can leave them, and nothing reads them.
    private static let partialMarker = ".partial-"

    /// Lets `fill` write files into a hidden directory beside `path`, flushes it, and renames it to `path`.
    ///
    /// An existing directory is exchanged in one step and then removed. If anything fails, `path` is as it was.
    /// - Throws: what `fill` throws, or ``TrainerError`` with code `inputOutput`.
    package static func write(_ path: String, fill: (_ directory: String) throws -> Void) throws {
        let url = URL(fileURLWithPath: path).standardizedFileURL
        let parent = url.deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        } catch {
            throw TrainerError(
                .inputOutput, "\(parent.path) cannot be created: \(error.summary)")
        }
        removeAbandoned(in: parent.path)
        let partial = parent.appendingPathComponent(
            ".\(url.lastPathComponent)\(partialMarker)\(getpid())-\(UInt32.random(in: 0 ... .max))").path
        guard mkdir(partial, 0o755) == 0 else { throw systemError("cannot be created", partial) }
        do {
            try fill(partial)
            try flushDirectory(partial)
            try publish(partial, as: url.path)
            try flushDirectory(parent.path)
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
        // After an exchange this is what was there before.
        try? FileManager.default.removeItem(atPath: partial)
    }

    /// Writes one small file, flushed to the disk, into a directory that is being filled.
    package static func writeFile(_ data: Data, to path: String) throws {
        let file = try OutputFile(path)
        try data.withUnsafeBytes { try file.write($0) }
        try file.close()
    }

    /// Writes one file in one step, over the one that may be there.
    /// - Throws: ``TrainerError`` with code `inputOutput`.
    package static func replaceFile(_ path: String, with data: Data) throws {
        let partial = "\(path)\(partialMarker)\(getpid())"
        do {
            try writeFile(data, to: partial)
            guard rename(partial, path) == 0 else { throw systemError("cannot be replaced", path) }
            try flushDirectory(URL(fileURLWithPath: path).deletingLastPathComponent().path)
        } catch {
            unlink(partial)
            throw error
        }
    }

    /// Removes what writers that are no longer alive have left in `directory`.
    private static func removeAbandoned(in directory: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        for name in names {
            guard let marker = name.range(of: partialMarker),
                let writer = pid_t(name[marker.upperBound...].prefix { $0.isNumber }), writer > 0,
                kill(writer, 0) != 0, errno == ESRCH
            else { continue }
            try? FileManager.default.removeItem(atPath: directory + "/" + name)
        }
    }

    private static func publish(_ partial: String, as path: String) throws {
        if rename(partial, path) == 0 { return }
        guard errno == ENOTEMPTY || errno == EEXIST else { throw systemError("cannot be created", path) }
        guard swage_exchange(partial, path) == 0 else { throw systemError("cannot be replaced", path) }
    }

    private static func flushDirectory(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError("cannot be opened", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw systemError("cannot be flushed to the disk", path) }
    }
}
