#if Engines
import Foundation

extension Process {
    /// Ends what a process that has ended left running in its group, and removes its folder.
    func removeWhatItLeft(scratch: String) {
        // Foundation gives every process that it starts a group of its own.
        kill(-processIdentifier, SIGKILL)
        try? FileManager.default.removeItem(atPath: scratch)
    }
}
#endif
