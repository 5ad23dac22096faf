import CSwageSystem
package import Foundation
import Swage
import SwageText

/// Directories that appear under their name with all of their files, or not at all.
package enum AtomicDirectory {
    /// Lets `fill` write files into a hidden directory beside `path`, flushes it, and renames it to `path`.
    ///
    /// An empty directory is filled; one that Swage has written is exchanged in one step and then removed; anything else
    /// that is there stays, and is an error. If anything fails, `path` is as it was.
    /// - Throws: what `fill` throws, or ``TrainerError`` with code `inputOutput` or `notAllowed`.
    package static func write(_ path: String, fill: (_ directory: String) throws -> Void) throws {
        let url = URL(literalPath: path).standardizedFileURL
        let parent = url.deletingLastPathComponent()
        // Before the work of filling, and once more when the time has come.
        try WrittenFolder.requireReplaceable(url.path)
        do {
            try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        } catch {
            throw TrainerError(
                .inputOutput, "\(parent.path) cannot be created: \(error.summary)")
        }
        PartialFolder.removeAbandoned(in: parent.path)
        let partial = try PartialFolder(beside: url.path)
        do {
            try fill(partial.path)
            try partial.complete()
            try flushDirectory(partial.path)
            try publish(partial.path, as: url.path)
        } catch {
            partial.discard()
            throw error
        }
        try flushDirectory(parent.path)
    }

    /// Removes a directory that ``write(_:fill:)`` has written, file by file as its manifest names them.
    /// - Throws: ``TrainerError`` with code `notAllowed` for any other, which stays as it is, or `inputOutput`.
    package static func remove(_ path: String) throws {
        try requireOwn(path)
        // Out of sight first, so that nobody finds half of it.
        let hidden = PartialFolder.name(beside: path)
        guard rename(path, hidden) == 0 else { throw systemError("cannot be removed", path) }
        let folder: WrittenFolder
        do {
            folder = try WrittenFolder(hidden)
        } catch {
            // Somebody put something into it in that very moment.
            rename(hidden, path)
            throw error
        }
        try folder.remove()
    }

    /// Removes what writers that are no longer alive have left in a directory.
    package static func removeAbandoned(in directory: String) { PartialFolder.removeAbandoned(in: directory) }

    /// Makes sure that ``write(_:fill:)`` has written the directory, and that nothing else is in it.
    /// - Throws: ``TrainerError`` with code `notAllowed` that names what is odd.
    package static func requireOwn(_ path: String) throws { _ = try WrittenFolder(path) }

    /// Writes one small file, flushed to the disk, into a directory that is being filled.
    package static func writeFile(_ data: Data, to path: String) throws {
        let file = try OutputFile(path)
        try data.withUnsafeBytes { try file.write($0) }
        try file.close()
    }

    /// Writes one file in one step, over the one that may be there. A crash can leave a `NAME.partial-PROCESS-NUMBER`
    /// beside it, which nothing reads.
    /// - Throws: ``TrainerError`` with code `inputOutput`.
    package static func replaceFile(_ path: String, with data: Data) throws {
        let partial = partialFile(of: path)
        do {
            try writeFile(data, to: partial)
            guard rename(partial, path) == 0 else { throw systemError("cannot be replaced", path) }
            try flushDirectory(URL(literalPath: path).deletingLastPathComponent().path)
        } catch {
            unlink(partial)
            throw error
        }
    }

    /// Lets `fill` write a file beside `path` and flush it, which gets that name once `fill` returns, if nothing has it by then.
    /// - Throws: what `fill` throws, or ``TrainerError`` with code `inputOutput` or `notAllowed`.
    package static func addFile<Value>(_ path: String, fill: (_ partial: String) async throws -> Value) async throws -> Value {
        func taken() -> TrainerError { TrainerError(.notAllowed, "\(path) is there already", expected: "a name that nothing has") }
        if FileManager.default.fileExists(atPath: path) { throw taken() }
        let partial = partialFile(of: path)
        defer { unlink(partial) }
        try writeFile(Data(), to: partial)
        let value = try await fill(partial)
        // Unlike a renaming, this replaces nothing.
        guard link(partial, path) == 0 else { throw errno == EEXIST ? taken() : systemError("cannot be created", path) }
        try flushDirectory(URL(literalPath: path).deletingLastPathComponent().path)
        return value
    }

    /// A name beside a file that says whose it is and who writes it.
    private static func partialFile(of path: String) -> String { "\(path)\(PartialFolder.marker)\(getpid())-\(UInt32.random(in: 0 ... .max))" }

    /// Removes what ``replaceFile(_:with:)`` has left in a folder where a process was killed in it.
    /// - Parameter isOurs: whether a file of that name is written so.
    package static func removeAbandonedFiles(in directory: String, of isOurs: (String) -> Bool) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            guard let match = name.wholeMatch(of: /(.+)\.partial-([0-9]+)-[0-9]+/), isOurs(String(match.output.1)),
                let writer = pid_t(match.output.2), writer > 0, kill(writer, 0) != 0, errno == ESRCH
            else { continue }
            // Not a folder.
            unlink(directory + "/" + name)
        }
    }

    private static func publish(_ partial: String, as path: String) throws {
        // The system renames to nothing and to an empty directory alone.
        if rename(partial, path) == 0 { return }
        guard errno == ENOTEMPTY || errno == EEXIST else { throw systemError("cannot be created", path) }
        _ = try WrittenFolder(path)
        let before = try exchange(partial, path)
        do {
            let old = try WrittenFolder(before)
            // What cannot be removed now is removed by a later writer.
            try? old.remove()
        } catch {
            // Somebody put something into it in that very moment.
            _ = try exchange(before, path)
            throw error
        }
    }

    /// Puts `new` at `path`, and returns where that is now which was there.
    private static func exchange(_ new: String, _ path: String) throws -> String {
        if swage_exchange(new, path) == 0 { return new }
        guard [ENOSYS, EINVAL, ENOTSUP].contains(errno) else { throw systemError("cannot be replaced", path) }
        // A file system that cannot: the old one is out of the way for a moment.
        let before = PartialFolder.name(beside: path)
        guard rename(path, before) == 0 else { throw systemError("cannot be replaced", path) }
        guard rename(new, path) == 0 else {
            let error = systemError("cannot be replaced", path)
            rename(before, path)
            throw error
        }
        return before
    }

    private static func flushDirectory(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError("cannot be opened", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw systemError("cannot be flushed to the disk", path) }
    }
}
