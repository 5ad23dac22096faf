package import Foundation
import Swage

/// A file on disk that can be read anywhere and again.
///
/// Its bytes are read, and never mapped: a mapped file that another program cuts short would end this one.
package final class PlainFile: Sendable {
    package let path: String
    /// The number of bytes when the file was opened.
    package let count: Int
    /// Which file it is, however it is called.
    package let identity: Identity
    private let descriptor: Int32

    /// What tells one file from another as long as both are there.
    package struct Identity: Hashable, Sendable {
        private let device: UInt64
        private let number: UInt64

        init(_ status: stat) {
            (device, number) = (UInt64(truncatingIfNeeded: status.st_dev), UInt64(truncatingIfNeeded: status.st_ino))
        }
    }

    /// - Throws: ``TrainerError`` with code `inputOutput` for what is not there, cannot be read, or is no file: a folder,
    ///   a pipe, a device.
    package convenience init(_ path: String) throws {
        // Without the flag, opening a pipe waits until somebody writes to it.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0 { throw Self.refused(path) }
        try self.init(descriptor: descriptor, path: path)
    }

    /// Takes over a descriptor, and closes it at the end.
    /// - Throws: ``TrainerError`` with code `inputOutput` for what is no file.
    package init(descriptor: Int32, path: String) throws {
        (self.descriptor, self.path) = (descriptor, path)
        var status = stat()
        let kind = fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
        count = Int(status.st_size)
        identity = Identity(status)
        guard kind == S_IFREG else {
            // What is thrown from here on ends this file, and its end closes the descriptor.
            let names: [mode_t: String] = [S_IFDIR: "a folder", S_IFIFO: "a pipe", S_IFCHR: "a device", S_IFSOCK: "a socket"]
            throw TrainerError(.inputOutput, "\(path) is \(names[kind] ?? "no file")", expected: "a file, which can be read more than once")
        }
    }

    deinit { close(descriptor) }

    /// Fills `destination` with the bytes from `offset` on.
    /// - Throws: ``TrainerError`` with code `inputOutput`, or `corruptFile` if the file ends before.
    package func read(_ offset: Int, into destination: UnsafeMutableRawBufferPointer) throws {
        var done = 0
        while done < destination.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: destination[done...])
            let count = pread(descriptor, rest.baseAddress, min(rest.count, 1 << 30), off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.refused(path)
            }
            if count == 0 {
                throw TrainerError(.corruptFile, "\(path): it ends at byte \(offset + done)", expected: "\(rest.count) bytes more")
            }
            done += count
        }
    }

    /// The bytes of a range, which lies within the file.
    package func bytes(_ range: Range<Int>) throws -> Data {
        guard !range.isEmpty else { return Data() }
        var data = Data(count: range.count)
        try data.withUnsafeMutableBytes { try read(range.lowerBound, into: $0) }
        return data
    }

    /// The content of a small file.
    /// - Throws: ``TrainerError`` as `init`, and with code `tooLarge` for more bytes than `limit`.
    package static func content(of path: String, limit: Int) throws -> Data {
        let file = try PlainFile(path)
        guard file.count <= limit else {
            throw TrainerError(.tooLarge, "\(path) has \(file.count) bytes", expected: "at most \(limit) in such a file")
        }
        return try file.bytes(0..<file.count)
    }

    private static func refused(_ path: String) -> TrainerError {
        TrainerError(.inputOutput, "\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
}
