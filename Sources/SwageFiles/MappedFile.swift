import Foundation
import Swage
import SwageText

/// A file's bytes: mapped into memory, to look at where they lie, and read in large pieces, which a mapping would count
/// as the program's memory and fetch page by page.
package final class MappedFile: Sendable {
    package let path: String
    package let data: Data
    private let descriptor: Int32

    /// - Throws: ``TrainerError`` with code `inputOutput` if the file cannot be read.
    package init(_ path: String) throws {
        self.path = path
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        } catch {
            throw TrainerError(.inputOutput, "\(path) cannot be read: \(error.summary)")
        }
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw systemError("cannot be read", path) }
    }

    deinit { close(descriptor) }

    /// Calls `body` with the bytes of `range`.
    package func withBytes<Result>(
        _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try data.withUnsafeBytes { bytes in try body(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    }

    /// Writes a tensor's elements to `destination`, which has room for exactly all of them.
    /// - Throws: ``TrainerError`` with code `inputOutput` or `corruptFile`.
    package func read(_ tensor: StoredTensor, into destination: UnsafeMutableBufferPointer<Float>) throws {
        let encoding = tensor.encoding
        if encoding == .float32 {
            return try read(tensor.range.lowerBound, into: UnsafeMutableRawBufferPointer(destination))
        }
        let blocksAtOnce = (1 << 18) / encoding.blockElements
        try withUnsafeTemporaryAllocation(byteCount: blocksAtOnce * encoding.blockBytes, alignment: 64) { room in
            for begin in stride(from: 0, to: destination.count, by: blocksAtOnce * encoding.blockElements) {
                let end = min(begin + blocksAtOnce * encoding.blockElements, destination.count)
                let bytes = UnsafeMutableRawBufferPointer(
                    rebasing: room[..<((end - begin) / encoding.blockElements * encoding.blockBytes)])
                try read(tensor.range.lowerBound + begin / encoding.blockElements * encoding.blockBytes, into: bytes)
                encoding.decode(
                    UnsafeRawBufferPointer(bytes), into: UnsafeMutableBufferPointer(rebasing: destination[begin..<end]))
            }
        }
    }

    private func read(_ offset: Int, into destination: UnsafeMutableRawBufferPointer) throws {
        var done = 0
        while done < destination.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: destination[done...])
            let count = pread(descriptor, rest.baseAddress, min(rest.count, 1 << 30), off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw systemError("cannot be read", path)
            }
            if count == 0 { throw corrupt("it ends at byte \(offset + done)", expected: "\(rest.count) bytes more") }
            done += count
        }
    }

    /// An error about this file's content.
    package func corrupt(_ what: String, expected: String? = nil) -> TrainerError {
        TrainerError(.corruptFile, "\(path): \(what)", expected: expected)
    }
}
