import CSwageSystem
import Foundation

/// The CRC-32 of a manifest's file, within that file: that of its bytes with eight zeros in the place of its own digits.
enum ManifestChecksum {
    /// What stands there before it is known.
    static let zeros = "00000000"
    private static let key = Data("\"manifestChecksum\"".utf8)

    /// The file with its checksum in place of the zeros.
    static func signed(_ file: Data) -> Data {
        guard let place = place(in: file) else { return file }
        var signed = file
        signed.replaceSubrange(place, with: Data(checksum(of: file).utf8))
        return signed
    }

    /// Whether the file is as it was written; one that is older than its checksum is taken for that.
    static func fits(_ file: Data) -> Bool {
        guard let place = place(in: file) else { return true }
        var zeroed = file
        zeroed.replaceSubrange(place, with: Data(zeros.utf8))
        return Data(checksum(of: zeroed).utf8) == file[place]
    }

    private static func checksum(of file: Data) -> String {
        FileChecksum.digits(Data(file).withUnsafeBytes { swage_crc32(0, $0.baseAddress, $0.count) })
    }

    /// Where the digits stand.
    private static func place(in file: Data) -> Range<Data.Index>? {
        guard let found = file.range(of: key) else { return nil }
        let rest = file[found.upperBound...].drop { ":\t\n\r ".utf8.contains($0) }
        guard rest.first == UInt8(ascii: "\""), rest.count > zeros.utf8.count else { return nil }
        let start = file.index(after: rest.startIndex)
        return start..<file.index(start, offsetBy: zeros.utf8.count)
    }
}
