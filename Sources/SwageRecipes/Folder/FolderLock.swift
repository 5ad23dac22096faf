import Foundation
public import Swage

/// Keeps a folder to one process, by a file that the process holds locked.
///
/// The system takes the lock back when its owner ends, however it ends, so that a dead owner's lock is free at once,
/// whatever process has its number by then. The file says who the owner is, for people.
package final class FolderLock: Sendable {
    private let path: String
    private let descriptor: Int32

    /// - Parameter instead: what to do where another process works in the folder.
    /// - Throws: ``Swage/TrainerError`` with code `folderInUse` if another process works in `folder`, and `inputOutput` if
    ///   the file cannot be made or locked.
    package init(_ path: String, of folder: String, instead: String = "another output folder") throws {
        self.path = path
        descriptor = try Self.acquire(path, folder, instead)
    }

    deinit {
        // Removed while it is still locked, so that nobody has locked it in between.
        if Self.isOpen(descriptor, at: path) { unlink(path) }
        close(descriptor)
    }

    private static func acquire(_ path: String, _ folder: String, _ instead: String) throws -> Int32 {
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
            guard descriptor >= 0 else { throw systemError(path, "written") }
            do {
                try lock(descriptor, path, folder, instead)
                // The owner before may have removed the file after it was opened here.
                guard isOpen(descriptor, at: path) else {
                    close(descriptor)
                    continue
                }
                try takeOver(descriptor, path, folder, instead)
                return descriptor
            } catch {
                close(descriptor)
                throw error
            }
        }
    }

    private static func lock(_ descriptor: Int32, _ path: String, _ folder: String, _ instead: String) throws {
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            guard errno == EWOULDBLOCK else { throw systemError(path, "locked") }
            let owner = (try? read(descriptor, path)).map { "by \($0.description)" } ?? "by another process"
            throw TrainerError(
                .folderInUse, "\(folder) is in use \(owner)", expected: "\(instead), or that process to end first")
        }
    }

    /// Writes the new owner over the one before, who is dead if it was of this machine.
    private static func takeOver(_ descriptor: Int32, _ path: String, _ folder: String, _ instead: String) throws {
        let own = Owner.current
        if let before = try read(descriptor, path), before.host != own.host {
            throw TrainerError(
                .folderInUse, "\(folder) was last used by \(before), which this machine cannot see",
                expected: "\(instead), or, if that process has ended, that you remove \(path)")
        }
        let text = try JSONEncoder().encode(own)
        guard ftruncate(descriptor, 0) == 0, text.withUnsafeBytes({ pwrite(descriptor, $0.baseAddress, $0.count, 0) }) == text.count
        else { throw systemError(path, "written") }
    }

    private struct Owner: Codable, CustomStringConvertible {
        var process: Int32
        var host: String

        static var current: Owner {
            var name = [CChar](repeating: 0, count: 256)
            gethostname(&name, name.count - 1)
            return Owner(process: getpid(), host: String(decoding: name.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self))
        }

        var description: String { "process \(process) on \(host)" }
    }

    /// Nil for a file in which no owner has written yet.
    private static func read(_ descriptor: Int32, _ path: String) throws -> Owner? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw systemError(path, "read") }
        guard count > 0 else { return nil }
        guard let owner = try? JSONDecoder().decode(Owner.self, from: Data(bytes.prefix(count))) else {
            throw TrainerError(.invalidOption, "\(path) is there, and is no lock of Swage", expected: "another output folder")
        }
        return owner
    }

    private static func isOpen(_ descriptor: Int32, at path: String) -> Bool {
        var (opened, found) = (stat(), stat())
        return fstat(descriptor, &opened) == 0 && lstat(path, &found) == 0
            && (opened.st_dev, opened.st_ino) == (found.st_dev, found.st_ino)
    }

    private static func systemError(_ path: String, _ verb: String) -> TrainerError {
        TrainerError(.inputOutput, "\(path) cannot be \(verb): \(String(cString: strerror(errno)))")
    }
}

extension TrainerError.Code {
    /// Another process works in a folder.
    public static let folderInUse = TrainerError.Code(rawValue: "folderInUse")
}
