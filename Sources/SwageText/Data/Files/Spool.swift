import Foundation
import Swage
import Synchronization

/// A temporary file for what can be read once alone: it has no name, so that nothing is left of it however the program ends.
final class Spool: Sendable {
    private let file: PlainFile
    private let descriptor: Int32
    private let folder: String
    private let end = Mutex(0)
    /// How many bytes the disk has left; tests give another.
    private let room: @Sendable (Int32) -> Int

    /// So much of the disk is left to others.
    private static let reserve = 1 << 28
    /// How much is written before the disk is looked at again.
    private static let pace = 1 << 24

    /// - Throws: ``TrainerError`` with code `inputOutput` if there is no temporary folder.
    init(room: @escaping @Sendable (Int32) -> Int = Spool.freeBytes) throws {
        self.room = room
        folder = FileManager.default.temporaryDirectory.path
        descriptor = try Self.open(in: folder)
        file = try PlainFile(descriptor: descriptor, path: "the temporary file in \(folder)")
    }

    private static func open(in folder: String) throws -> Int32 {
        #if os(Linux)
        // O_TMPFILE, which is O_DIRECTORY and a bit of its own.
        let nameless = Glibc.open(folder, O_RDWR | O_CLOEXEC | O_DIRECTORY | 0o20000000, 0o600)
        if nameless >= 0 { return nameless }
        #endif
        var path = Array("\(folder)/swage-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        guard descriptor >= 0 else {
            throw TrainerError(
                .inputOutput, "no temporary file can be made in \(folder): \(String(cString: strerror(errno)))",
                expected: "TMPDIR to name a folder that can be written")
        }
        unlink(path)
        return descriptor
    }

    @Sendable static func freeBytes(_ descriptor: Int32) -> Int {
        var status = statvfs()
        guard fstatvfs(descriptor, &status) == 0 else { return .max }
        return Int(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }

    /// Takes what `write` hands over, one after another. Others wait for it.
    /// - Parameter path: what is unpacked, for errors.
    /// - Returns: where it lies now.
    /// - Throws: ``TrainerError`` with code `inputOutput` or `tooLarge`, or what `write` throws.
    func add(_ path: String, _ write: (_ put: (UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws -> Range<Int> {
        try end.withLock { end in
            let start = end
            var (done, looked) = (start, start - Self.pace)
            try withoutActuallyEscaping(write) { write in
                try write { bytes in
                    if done - looked >= Self.pace {
                        guard self.room(self.descriptor) > Self.reserve else { throw self.isFull(path) }
                        looked = done
                    }
                    try self.put(bytes, at: done, path)
                    done += bytes.count
                }
            }
            end = done
            return start..<done
        }
    }

    private func put(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ path: String) throws {
        var written = 0
        while written < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(offset + written))
            if count < 0 {
                if errno == EINTR { continue }
                if errno == ENOSPC || errno == EDQUOT { throw isFull(path) }
                throw TrainerError(.inputOutput, "\(path) cannot be unpacked to \(folder): \(String(cString: strerror(errno)))")
            }
            written += count
        }
    }

    private func isFull(_ path: String) -> TrainerError {
        TrainerError(
            .tooLarge, "\(path) does not fit on the disk of \(folder), where it is unpacked",
            expected: "TMPDIR to name a folder on a disk with more room, or a file that is not compressed")
    }

    func read(_ offset: Int, into destination: UnsafeMutableRawBufferPointer) throws { try file.read(offset, into: destination) }
}
