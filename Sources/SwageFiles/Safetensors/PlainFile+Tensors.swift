import Foundation
package import Swage
import SwageText

extension PlainFile {
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

    /// An error about this file's content.
    package func corrupt(_ what: String, expected: String? = nil) -> TrainerError {
        TrainerError(.corruptFile, "\(path): \(what)", expected: expected)
    }
}
