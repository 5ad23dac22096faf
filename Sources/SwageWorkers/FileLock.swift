#if Engines
import Foundation
import Swage

/// A lock that one process at a time can hold, by a file; the system takes it back when its holder ends.
package final class FileLock {
    private let descriptor: Int32

    /// Waits for the lock.
    /// - Parameter busy: told if another holds it.
    /// - Throws: ``Swage/TrainerError`` with code `inputOutput` if the file cannot be made.
    package init(_ path: String, busy: () -> Void) throws {
        let folder = URL(literalPath: path).deletingLastPathComponent()
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw TrainerError(.inputOutput, "\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else { return }
        busy()
        while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
    }

    deinit { close(descriptor) }
}
#endif
