import Foundation
import Swage

/// A small file that is there in whole or not at all.
enum SmallFile {
    /// Writes beside the file, and renames.
    /// - Throws: ``TrainerError`` with code `inputOutput`.
    static func write(_ text: String, to path: String, suffix: String) throws {
        try makeFolder((path as NSString).deletingLastPathComponent)
        let beside = "\(path).\(String(UInt32.random(in: .min ... .max), radix: 16)).\(suffix)"
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw systemError("cannot be created", beside) }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            written += count
        }
        let isWhole = written == bytes.count && fsync(descriptor) == 0
        let error = isWhole ? nil : systemError("cannot be written", beside)
        close(descriptor)
        if error == nil, rename(beside, path) == 0 { return }
        let reason = error ?? systemError("cannot be named", path)
        unlink(beside)
        throw reason
    }
}
