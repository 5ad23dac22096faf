import CSwageSystem
import Foundation
import Swage

/// A new file that reaches the disk before it is called written.
final class OutputFile {
    private let path: String
    private var descriptor: Int32
    /// As many bytes are on their way to the disk while the next are written.
    private static let pieceBytes = 1 << 25

    /// Creates the file, or empties it.
    /// - Throws: ``TrainerError`` with code `inputOutput`, as all of the methods.
    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw systemError("cannot be created", path) }
    }

    deinit { if descriptor >= 0 { _ = Foundation.close(descriptor) } }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = Foundation.write(descriptor, rest.base, min(rest.count, Self.pieceBytes))
            if written < 0 {
                if errno == EINTR { continue }
                throw systemError("cannot be written", path)
            }
            rest = rest.dropFirst(written)
            // So that `close` has less to wait for.
            swage_start_flushing(descriptor)
        }
    }

    /// Flushes the file to the disk and closes it.
    func close() throws {
        if fsync(descriptor) != 0 { throw systemError("cannot be flushed to the disk", path) }
        let result = Foundation.close(descriptor)
        descriptor = -1
        if result != 0 { throw systemError("cannot be closed", path) }
    }
}

extension Slice<UnsafeRawBufferPointer> {
    fileprivate var base: UnsafeRawPointer { UnsafeRawBufferPointer(rebasing: self).baseAddress! }
}

/// What the operating system said about the last call that failed.
func systemError(_ what: String, _ path: String) -> TrainerError {
    TrainerError(.inputOutput, "\(path) \(what): \(String(cString: strerror(errno)))")
}
