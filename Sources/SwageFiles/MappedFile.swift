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
        try data.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// An error about this file's content.
    package func corrupt(_ what: String, expected: String? = nil) -> TrainerError {
        TrainerError(.corruptFile, "\(path): \(what)", expected: expected)
    }
}
