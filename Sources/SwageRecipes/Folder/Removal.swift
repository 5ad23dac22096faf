import Foundation
import Swage
import SwageFiles

/// Takes away what some work has listed as its own.
struct Removal {
    let folder: OutputFolder
    /// Paths within the folder.
    let files: [String]

    /// Folders that hold what is listed by itself. What others have put there stays; any other folder is one that a trainer
    /// has written, and is removed as a whole.
    static let shared: Set = ["data", "checkpoints"]

    /// - Returns: the shared folders that stay, because others have put something there, and the paths of all that.
    /// - Throws: ``Swage/TrainerError`` with code `notAllowed`, before anything is removed, if somebody has put something into
    ///   a folder of a trainer's.
    func run() throws -> (kept: [String], left: [String]) {
        for name in files where kind(of: name) == .folder && !Self.shared.contains(name) && !contents(of: name).isEmpty {
            try AtomicDirectory.requireOwn(folder.file(name))
        }
        removeHalfWritten()
        var (kept, left): ([String], [String]) = ([], [])
        // What lies in a folder goes before it.
        for name in files.sorted(by: >) {
            switch kind(of: name) {
            case .none: break
            case .file: try remove(file: name)
            case .folder where Self.shared.contains(name):
                if rmdir(folder.file(name)) == 0 { break }
                kept.append(name)
                left += contents(of: name).map { folder.file("\(name)/\($0)") }
            case .folder where rmdir(folder.file(name)) == 0: break
            case .folder: try AtomicDirectory.remove(folder.file(name))
            case .other: left.append(folder.file(name))
            }
        }
        return (kept.reversed(), left.sorted())
    }

    /// Removes what a process has left that ended in the middle of writing.
    private func removeHalfWritten() {
        for place in [folder.path, folder.file("checkpoints")] { AtomicDirectory.removeAbandoned(in: place) }
        let names = contents(of: ".") + contents(of: "data").map { "data/\($0)" }
        for name in names {
            guard let match = name.wholeMatch(of: /(.+)\.partial-\d+-\d+/) else { continue }
            let whole = String(match.1)
            if files.contains(whole) || whole.wholeMatch(of: /data\/step-\d+\.json|run\.json|evaluation\.json/) != nil {
                unlink(folder.file(name))
            }
        }
    }

    func remove(file name: String) throws {
        guard unlink(folder.file(name)) == 0 || errno == ENOENT else {
            throw TrainerError(.inputOutput, "\(folder.file(name)) cannot be removed: \(String(cString: strerror(errno)))")
        }
    }

    private enum Kind { case none, file, folder, other }

    private func kind(of name: String) -> Kind {
        var found = stat()
        guard lstat(folder.file(name), &found) == 0 else { return .none }
        switch found.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        // A link to a folder that was empty when the work began.
        case S_IFLNK where Self.shared.contains(name): return .folder
        default: return .other
        }
    }

    private func contents(of name: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.file(name))) ?? []
    }
}
