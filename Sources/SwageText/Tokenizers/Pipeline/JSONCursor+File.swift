import Foundation
import Swage

extension JSONCursor {
    /// Reads a file that is one object, member by member, with nothing behind it.
    /// - Throws: ``TrainerError`` with code `corruptFile`, or what `body` throws.
    static func object(in data: Data, file: String, _ body: (_ key: String, inout JSONCursor) throws -> Void) throws {
        try data.withUnsafeBytes { (raw: UnsafeRawBufferPointer) in
            let bytes = raw.bindMemory(to: UInt8.self)
            guard String(validating: bytes, as: UTF8.self) != nil else {
                throw TrainerError(.corruptFile, "\(file) is no UTF-8", expected: "UTF-8")
            }
            var cursor = JSONCursor(bytes, file: file)
            try cursor.object(body)
            cursor.skipSpace()
            guard cursor.offset == bytes.count else { throw cursor.wrong("something follows the object", expected: "the end") }
        }
    }
}
