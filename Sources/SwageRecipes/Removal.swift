import Foundation
import Swage
import SwageFiles
import SwageText

/// Takes away what some work has listed as its own.
struct Removal {
    let folder: OutputFolder
    /// Paths within the folder.
    let files: [String]

    /// - Returns: the listed folders that stay, because others have put something there, and the paths of all that.
    func run() throws -> (kept: [String], left: [String]) {
        var (kept, left): ([String], [String]) = ([], [])
        // What lies in a folder goes before it.
        for name in files.sorted(by: >) {
            switch kind(of: name) {
            case .none: break
            case .regular: try remove(file: name)
            case .folder:
                try removeCheckpoint(name)
                if rmdir(folder.file(name)) == 0 { break }
                kept.append(name)
                left += contents(of: name).map { "\(name)/\($0)" }.filter { path in !kept.contains(path) }.map(folder.file)
            case .other: left.append(folder.file(name))
            }
        }
        return (kept.reversed(), left.sorted())
    }

    func remove(file name: String) throws {
        guard unlink(folder.file(name)) == 0 || errno == ENOENT else {
            throw TrainerError(.inputOutput, "\(folder.file(name)) cannot be removed: \(String(cString: strerror(errno)))")
        }
    }

    private enum Kind { case none, regular, folder, other }

    private func kind(of name: String) -> Kind {
        var found = stat()
        guard lstat(folder.file(name), &found) == 0 else { return .none }
        switch found.st_mode & S_IFMT {
        case S_IFREG: return .regular
        case S_IFDIR: return .folder
        default: return .other
        }
    }

    private func contents(of name: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.file(name))) ?? []
    }

    /// Removes the files that a checkpoint lists as its own, if the folder is one.
    private func removeCheckpoint(_ name: String) throws {
        guard let manifest = try? CheckpointStore(directory: folder.path).manifest(of: folder.file(name)) else { return }
        for file in manifest.fileSizes.keys.sorted() where !file.contains("/") { try remove(file: "\(name)/\(file)") }
        try remove(file: "\(name)/\(CheckpointManifest.fileName)")
    }
}
