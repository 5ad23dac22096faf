import Foundation
import Swage
import SwageText

/// A folder that Swage has written and nobody has put anything into: the only kind that is ever replaced or removed.
///
/// The folder says so itself: a checkpoint's manifest names its files, and everything in it is one of them.
struct WrittenFolder {
    let path: String
    /// What is in it. The manifest, which proves whose it is, comes last: a removal that is broken off can be gone on with.
    private let files: [String]

    /// - Throws: ``TrainerError`` with code `notAllowed` that names what is odd about the folder.
    init(_ path: String) throws {
        self.path = path
        guard FileKind(path) == .folder else {
            throw Self.foreign(path, "is no folder")
        }
        guard let manifest = try? CheckpointManifest.read(from: path, asWritten: false) else {
            throw Self.foreign(path, "holds no \(CheckpointManifest.fileName) of a trainer's")
        }
        let names = try Self.names(in: path)
        // By their bytes: to Swift, names can be equal that are not so to the system.
        let known = Set((manifest.fileSizes.keys + [CheckpointManifest.fileName]).map { Array($0.utf8) })
        if let odd = names.first(where: { !known.contains(Array($0.utf8)) || FileKind("\(path)/\($0)") != .file }) {
            throw Self.foreign(path, "holds \"\(odd)\", which its \(CheckpointManifest.fileName) does not name as a file")
        }
        files = names.filter { $0 != CheckpointManifest.fileName } + [CheckpointManifest.fileName]
    }

    /// Makes sure that something new may be put in the place of whatever is at `path`: nothing, an empty folder, or a
    /// folder that Swage has written.
    /// - Throws: ``TrainerError`` with code `notAllowed`.
    static func requireReplaceable(_ path: String) throws {
        switch FileKind(path) {
        case .nothing: return
        case .folder where try names(in: path).isEmpty: return
        default: _ = try WrittenFolder(path)
        }
    }

    /// Removes the files that were found, and the folder if nothing came after them.
    /// - Throws: ``TrainerError`` with code `inputOutput`.
    func remove() throws {
        for file in files where unlink("\(path)/\(file)") != 0 && errno != ENOENT {
            throw systemError("cannot be removed", "\(path)/\(file)")
        }
        guard rmdir(path) == 0 || errno == ENOENT else { throw systemError("cannot be removed", path) }
    }

    private static func names(in path: String) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw TrainerError(.inputOutput, "\(path) cannot be read: \(error.summary)")
        }
    }

    private static func foreign(_ path: String, _ what: String) -> TrainerError {
        TrainerError(
            .notAllowed, "\(path) \(what), and so is neither replaced nor removed",
            expected: "another place, or that you move away what is there")
    }
}

/// What a path itself is, whatever a link there leads to.
package enum FileKind {
    case nothing, file, folder, other

    package init(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            self = errno == ENOENT || errno == ENOTDIR ? .nothing : .other
            return
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .file
        case S_IFDIR: self = .folder
        default: self = .other
        }
    }
}
