import Foundation
import Swage

/// The kinds of files that people take for data and that have no rows to read, by their first bytes.
enum FileSignature {
    static let gzip: [UInt8] = [0x1F, 0x8B]

    private static let advice = "JSON lines, JSON, CSV or TSV in UTF-8, also compressed by gzip"

    private static let kinds: [(signature: [UInt8], kind: String, expected: String)] = [
        (gzip, "is compressed by gzip more than once", "it to be compressed once"),
        ([0x28, 0xB5, 0x2F, 0xFD], "is compressed by zstd", "gzip, or what zstd -d makes of it"),
        ([0x50, 0x4B, 0x03, 0x04], "is a zip archive, or an Excel workbook", "the files in it, or the sheet as CSV"),
        (Array("PAR1".utf8), "is a Parquet file", "\(advice); to_json(…, lines=True) of pandas or datasets makes JSON lines of it"),
        (Array("BZh".utf8), "is compressed by bzip2", "gzip, or what bunzip2 makes of it"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "is compressed by xz", "gzip, or what unxz makes of it"),
        (Array("ARROW1".utf8), "is an Arrow file", "\(advice); to_json(…, lines=True) of pandas or datasets makes JSON lines of it"),
        ([0xFF, 0xFF, 0xFF, 0xFF], "is a stream of Arrow", "\(advice); to_json(…, lines=True) of datasets makes JSON lines of it"),
        (Array("SQLite format 3".utf8), "is an SQLite database", advice), (Array("Obj\u{1}".utf8), "is an Avro file", advice),
        ([0x89, 0x48, 0x44, 0x46], "is an HDF5 file", advice), ([0x80, 0x04, 0x95], "is a pickle of Python", advice),
        ([0xD0, 0xCF, 0x11, 0xE0], "is a workbook or document of Microsoft Office", "the sheet as CSV"),
        (Array("%PDF".utf8), "is a PDF", advice),
        (Array("version https://git-lfs".utf8), "stands for a file that Git LFS has not fetched", "what git lfs pull brings"),
        ([0xFF, 0xFE, 0, 0], "is in UTF-32", "UTF-8"), ([0, 0, 0xFE, 0xFF], "is in UTF-32", "UTF-8"),
        ([0xFF, 0xFE], "is in UTF-16", "UTF-8, as iconv -f UTF-16 -t UTF-8 makes it"),
        ([0xFE, 0xFF], "is in UTF-16", "UTF-8, as iconv -f UTF-16 -t UTF-8 makes it"),
    ]

    /// - Throws: ``TrainerError`` with code `invalidData`, naming the file and what to do.
    static func refuse(_ bytes: Data, path: String) throws {
        for (signature, kind, expected) in kinds where bytes.starts(with: signature) {
            throw TrainerError(.invalidData, "\(path) \(kind)", expected: expected)
        }
        if bytes.count > 262, bytes.dropFirst(257).starts(with: Array("ustar".utf8)) {
            throw TrainerError(.invalidData, "\(path) is a tar archive", expected: "the files in it")
        }
        // Without a mark at its beginning, every other byte of ASCII in UTF-16 is 0.
        let pairs = Array(bytes.prefix(64))
        if pairs.count >= 8 {
            for (parity, order) in [(1, "LE"), (0, "BE")]
            where pairs.indices.allSatisfy({ ($0 % 2 == parity) == (pairs[$0] == 0) || $0 == pairs.count - 1 }) {
                throw TrainerError(.invalidData, "\(path) is in UTF-16", expected: "UTF-8, as iconv -f UTF-16\(order) -t UTF-8 makes it")
            }
        }
    }
}
