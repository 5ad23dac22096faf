import Foundation
import Swage

/// The lock that whoever fetches a content holds, this program or Python: `flock` on a file that stays.
final class HubLock {
    private let descriptor: Int32

    /// Waits for the lock.
    /// - Parameters:
    ///   - isCancelled: asked while it waits.
    ///   - busy: told once if another holds it for two seconds.
    /// - Throws: ``TrainerError`` with code `inputOutput`; `CancellationError`.
    init(_ path: String, isCancelled: () -> Bool, busy: () -> Void) throws {
        try makeFolder((path as NSString).deletingLastPathComponent)
        descriptor = try Self.opened(path)
        var rounds = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            // Where the file system knows no locks, who comes second fetches as well, and finds that it is there.
            guard errno == EWOULDBLOCK || errno == EINTR else { return }
            // Two files with one content wait for each other as well, and not for long.
            rounds += 1
            if rounds == 20 { busy() }
            if isCancelled() { throw CancellationError() }
            usleep(100_000)
        }
    }

    /// Takes the lock, if nobody has it.
    init?(ifFree path: String) throws {
        descriptor = try Self.opened(path)
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { return nil }
    }

    private static func opened(_ path: String) throws -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o664)
        if descriptor < 0 { throw systemError("cannot be opened", path) }
        // So that others of a group can wait for it, whatever the mask is. Not ours to change where it was there.
        _ = fchmod(descriptor, 0o664)
        return descriptor
    }

    deinit { close(descriptor) }
}
