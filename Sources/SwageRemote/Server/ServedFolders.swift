#if Engines
import Foundation
import Swage
import SwageFiles
import SwageText

/// The folders of a server in which its clients may save and load. This is the one place that decides it.
///
/// A path is followed to where it really leads, through every link on its way, and has to end below one of them. What it
/// led to is what the trainer is given, so that no link is followed twice.
struct ServedFolders {
    /// Where they really are. In the first, the trainer's own place, relative paths begin.
    private let roots: [String]

    /// Makes the folders that are not there yet, so that nothing else can come to be in their place.
    /// - Throws: ``Swage/TrainerError`` with code `inputOutput`, or `invalidOption` for a folder that is all of the disk.
    init(checkpoints: String?, allowing others: [String]) throws {
        guard let checkpoints else {
            guard others.isEmpty else {
                throw TrainerError(
                    .invalidOption, "clients are allowed \(others) beside a folder of checkpoints that is not named",
                    expected: "the trainer's place of checkpoints")
            }
            roots = []
            return
        }
        try Self.checkNames(checkpoints: checkpoints, allowing: others)
        roots = try ([checkpoints] + others).map { folder in
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw TrainerError(.inputOutput, "\(folder) cannot be created: \(error.summary)")
            }
            guard let real = Self.realPath(folder) else {
                throw TrainerError(.inputOutput, "\(folder) cannot be opened: \(String(cString: strerror(errno)))")
            }
            return real
        }
    }

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for what names no folder, or all of the disk.
    static func checkNames(checkpoints: String, allowing others: [String]) throws {
        try ResolvedPath.requireFolder(checkpoints, "the folder of checkpoints")
        for other in others { try ResolvedPath.requireFolder(other, "a folder that clients are allowed") }
    }

    /// What to tell the trainer for a client's save: a path that is all of the place, or for its own place no path.
    /// - Throws: ``Swage/TrainerError`` with code `notAllowed`, or `invalidOption` for a name that is none.
    func destination(name: String?, path: String?) throws -> (name: String?, path: String?) {
        try CheckpointStore.checkName(name)
        guard let path else {
            // The trainer goes there by itself; a link that was put in its way would lead it out.
            if let root = roots.first { _ = try resolve(root + "/" + (name ?? "step")) }
            return (name, nil)
        }
        return (nil, try resolve(name.map { path + "/" + $0 } ?? path))
    }

    /// What a client's load is to read: the path to give the trainer, or nil for the newest in the trainer's own place.
    /// - Throws: ``Swage/TrainerError`` with code `notAllowed`.
    func source(_ path: String?) throws -> String? {
        guard let path else {
            guard let root = roots.first else { return nil }
            _ = try resolve(root + "/step")
            // The trainer takes one of these.
            for folder in Self.entries(of: root) where FileManager.default.fileExists(atPath: folder + "/" + CheckpointManifest.fileName) {
                for file in Self.entries(of: folder) { _ = try resolve(file) }
            }
            return nil
        }
        let place = try resolve(path)
        for file in Self.entries(of: place) { _ = try resolve(file) }
        return place
    }

    private static func entries(of folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map { folder + "/" + $0 }
    }

    private func resolve(_ path: String) throws -> String {
        // Bytes, as the system sees them: to Swift's characters, some that come before or after a "/" are one with it.
        let bytes = Array(path.utf8)
        guard let first = roots.first, !bytes.isEmpty, !bytes.contains(where: { $0 < 0x20 || $0 == 0x7f }),
            !bytes.split(separator: slash).contains([dot, dot]),
            let real = Self.destination(bytes[0] == slash ? bytes : Array(first.utf8) + [slash] + bytes),
            roots.contains(where: { Self.isBelow(real, $0) })
        else { throw refusal(path) }
        return real
    }

    private func refusal(_ path: String) -> TrainerError {
        TrainerError(
            .notAllowed, "\"\(path)\" is not in a folder that this server's clients may use",
            expected: roots.isEmpty
                ? "no path, for this server was told of no folder"
                : "a path below \(roots.joined(separator: " or ")), or a server that was started with --allow and the folder")
    }

    private static func isBelow(_ path: String, _ root: String) -> Bool {
        let prefix = Array(root.utf8) + (root == "/" ? [] : [slash])
        return path.utf8.starts(with: prefix) && path.utf8.count > prefix.count
    }

    /// Where a path leads whose last parts need not exist yet; nil if that cannot be told, as for a link to nothing.
    private static func destination(_ path: [UInt8]) -> String? {
        var existing = path.split(separator: slash).filter { $0 != [dot] }
        var missing: [UInt8] = []
        while true {
            let place = String(decoding: [slash] + Array(existing.joined(separator: [slash])), as: UTF8.self)
            if let real = realPath(place) {
                return (real == "/" && !missing.isEmpty ? "" : real) + String(decoding: missing, as: UTF8.self)
            }
            // Nothing is there, and no link either: then what is above it decides.
            var status = stat()
            guard lstat(place, &status) != 0, errno == ENOENT, let last = existing.popLast() else { return nil }
            missing = [slash] + last + missing
        }
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

private let (slash, dot) = (UInt8(ascii: "/"), UInt8(ascii: "."))
#endif
