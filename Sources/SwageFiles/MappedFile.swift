import Foundation
import Swage

/// A file's bytes, mapped into memory and read where they lie.
package final class MappedFile: Sendable {
    package let path: String
    package let data: Data

    /// - Throws: ``TrainerError`` with code `inputOutput` if the file cannot be read.
    package init(_ path: String) throws {
        self.path = path
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        } catch {
            throw TrainerError(.inputOutput, "\(path) cannot be read: \((error as NSError).localizedDescription)")
        }
    }

    /// Calls `body` with the bytes of `range`.
    package func withBytes<Result>(
        _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try data.withUnsafeBytes { bytes in
            defer { forget(range, of: bytes) }
            return try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
    }

    /// Gives the whole pages of what was read back to the system, which reads them again if they are asked for: a model's
    /// weights would count twice, as a file's and as the engine's.
    private func forget(_ range: Range<Int>, of bytes: UnsafeRawBufferPointer) {
        let page = Int(getpagesize())
        let (begin, end) = ((range.lowerBound + page - 1) / page * page, range.upperBound / page * page)
        guard end - begin > 1 << 20, let base = bytes.baseAddress else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + begin), end - begin, Int32(MADV_DONTNEED))
    }

    /// An error about this file's content.
    package func corrupt(_ what: String, expected: String? = nil) -> TrainerError {
        TrainerError(.corruptFile, "\(path): \(what)", expected: expected)
    }
}
