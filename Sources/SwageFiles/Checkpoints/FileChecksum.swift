import CSwageSystem
import Swage
import SwageText

/// Tells a file from what a disk or a person has made of it: CRC-32, which Python's zlib computes as well. It is no proof
/// against those who mean to deceive.
enum FileChecksum {
    private static let pieceBytes = 1 << 22

    /// Eight hexadecimal digits.
    /// - Throws: ``TrainerError`` with code `inputOutput` or `corruptFile`.
    static func of(_ path: String) throws -> String {
        let file = try PlainFile(path)
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: min(pieceBytes, max(1, file.count)), alignment: 64)
        defer { piece.deallocate() }
        var checksum: UInt32 = 0
        for start in stride(from: 0, to: file.count, by: pieceBytes) {
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(pieceBytes, file.count - start)])
            try file.read(start, into: part)
            checksum = swage_crc32(checksum, part.baseAddress, part.count)
        }
        return digits(checksum)
    }

    static func digits(_ checksum: UInt32) -> String {
        let digits = String(checksum, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    static func isOne(_ text: String) -> Bool {
        text.utf8.count == 8 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
