import Foundation
import Swage

/// A folder that is being written, hidden beside the place that it is for, with a mark in it of who is writing.
///
/// A crash can leave it. The mark, written first, is what tells it from a folder of the same name that is somebody's.
struct PartialFolder {
    /// Folders being written carry this in their names, before the process and a random number; nothing reads them.
    static let marker = ".partial-"
    /// The mark's file name, which is no part of what is written.
    static let markName = ".swage-partial"

    let path: String

    private struct Mark: Codable {
        var swage = "partial"
        var host: String
        var process: Int32
    }

    /// Makes an empty one.
    /// - Throws: ``TrainerError`` with code `inputOutput`.
    init(beside path: String) throws {
        self.path = Self.name(beside: path)
        guard mkdir(self.path, 0o755) == 0 else { throw systemError("cannot be created", self.path) }
        do {
            let mark = try JSONEncoder().encode(Mark(host: Self.host, process: getpid()))
            try AtomicDirectory.writeFile(mark, to: self.path + "/" + Self.markName)
        } catch {
            discard()
            throw error
        }
    }

    private init(abandoned path: String) { self.path = path }

    /// A name that nothing has, for a folder on its way to `path` or away from it. A disk takes 255 bytes of one.
    static func name(beside path: String) -> String {
        let url = URL(literalPath: path)
        let beginning = String(decoding: url.lastPathComponent.utf8.prefix(200), as: UTF8.self)
        let name = ".\(beginning)\(marker)\(getpid())-\(UInt32.random(in: 0 ... .max))"
        return url.deletingLastPathComponent().appendingPathComponent(name).path
    }

    /// Whether a path is named as folders are that are being written, and that are removed where their writer is dead.
    static func isName(of path: String) -> Bool {
        let name = URL(literalPath: path).standardizedFileURL.lastPathComponent
        return name.hasPrefix(".") && name.contains(marker)
    }

    /// Takes the mark away: what is in the folder is whole.
    func complete() throws {
        let mark = path + "/" + Self.markName
        guard unlink(mark) == 0 else { throw systemError("cannot be removed", mark) }
    }

    /// Removes the folder: as one that is being written if it has the mark, else if it is whole and nothing else is in it.
    func discard() {
        if FileKind(path + "/" + Self.markName) == .file { return remove() }
        if rmdir(path) != 0 { try? WrittenFolder(path).remove() }
    }

    /// Removes the files in it, those in the folders in which ranks put their pieces of one (torch some of them a level
    /// deeper, in `sharded`), and the folder. The mark goes last.
    private func remove() {
        for name in Self.names(in: path) where name.hasSuffix("-pieces") {
            Self.removePlain("\(path)/\(name)/sharded")
            Self.removePlain("\(path)/\(name)")
        }
        for name in Self.names(in: path) where name != Self.markName { unlink("\(path)/\(name)") }
        unlink(path + "/" + Self.markName)
        rmdir(path)
    }

    /// Removes a folder of files, if it is one.
    private static func removePlain(_ path: String) {
        guard FileKind(path) == .folder else { return }
        for name in names(in: path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    private static func names(in path: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }

    /// Removes what writers of this machine that are no longer alive have left in `directory`.
    static func removeAbandoned(in directory: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            guard name.hasPrefix("."), let marker = name.range(of: marker),
                let writer = pid_t(name[marker.upperBound...].prefix { $0.isNumber })
            else { continue }
            let path = directory + "/" + name
            guard FileKind(path) == .folder else { continue }
            if let mark = mark(in: path) {
                if mark.host == host, isDead(mark.process) { PartialFolder(abandoned: path).remove() }
            } else if isDead(writer), FileKind(path + "/" + markName) == .nothing {
                // Empty, or a whole checkpoint that was on its way out; anything else stays.
                PartialFolder(abandoned: path).discard()
            }
        }
    }

    private static func mark(in path: String) -> Mark? {
        let file = path + "/" + markName
        guard FileKind(file) == .file, let data = FileManager.default.contents(atPath: file) else { return nil }
        return try? JSONDecoder().decode(Mark.self, from: data)
    }

    private static func isDead(_ process: pid_t) -> Bool { process > 0 && kill(process, 0) != 0 && errno == ESRCH }

    private static let host: String = {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }()
}
