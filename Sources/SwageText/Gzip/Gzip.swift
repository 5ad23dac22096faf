package import Foundation
import Swage

/// Small files that gzip has compressed.
package enum Gzip {
    /// The content of a file, which is held in memory.
    /// - Throws: ``TrainerError`` with code `corruptFile` for what is damaged, and `tooLarge` for more bytes than `limit`.
    package static func unpacked(_ file: PlainFile, limit: Int = 1 << 30) throws -> Data {
        var unpacked = Data()
        try Inflater.inflate(RowContent(file, isHeld: true)) { bytes, _ in
            guard unpacked.count + bytes.count <= limit else {
                throw TrainerError(.tooLarge, "\(file.path) is more than \(limit) bytes when it is unpacked", expected: "a smaller file")
            }
            unpacked.append(contentsOf: bytes)
        }
        return unpacked
    }
}
