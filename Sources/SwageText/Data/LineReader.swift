import Foundation
import Swage

/// The lines of a file from front to back, those that hold white space alone left out.
struct LineReader {
    struct Line {
        /// From 1 on, blank lines counted.
        let number: Int
        let range: Range<Int>
        let bytes: Data
    }

    /// Longer lines are refused: no example is that long, and tokens are counted in 32 bits.
    private static let maximumLineBytes = 1 << 30
    private static let pieceBytes = 1 << 22

    private let file: PlainFile
    private var number = 0
    /// The bytes that have been read and not given, and where they begin in the file.
    private var piece = Data()
    private var start = 0

    init(_ file: PlainFile) { self.file = file }

    /// The next line, or nil after the last one.
    mutating func next() throws -> Line? {
        while start < file.count {
            var searched = 0
            while true {
                if let feed = piece.offset(of: 0x0A, from: searched) {
                    number += 1
                    if let line = take(feed, andFeed: true) { return line }
                    searched = 0
                    if piece.isEmpty { break }
                    continue
                }
                searched = piece.count
                let end = start + piece.count
                guard end < file.count else {
                    number += 1
                    if let line = take(piece.count, andFeed: false) { return line }
                    break
                }
                guard piece.count <= Self.maximumLineBytes else {
                    throw TrainerError(
                        .invalidData, "\(file.path), line \(number + 1) is longer than \(Self.maximumLineBytes) bytes",
                        expected: "one example a line")
                }
                // Doubling the piece keeps the copying of a long line linear.
                piece = Data(piece) + (try file.bytes(end..<min(file.count, end + max(Self.pieceBytes, piece.count))))
            }
        }
        return nil
    }

    /// Takes so many bytes off the piece; nil if they are blank.
    private mutating func take(_ count: Int, andFeed: Bool) -> Line? {
        let begin = piece.startIndex
        var bytes = piece[begin..<begin + count]
        var range = start..<start + count
        // A byte order mark, which some editors write.
        if start == 0, bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            bytes = bytes.dropFirst(3)
            range = 3..<count
        }
        let taken = count + (andFeed ? 1 : 0)
        piece = piece[(begin + taken)...]
        start += taken
        let isBlank = bytes.withUnsafeBytes { $0.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }
        return isBlank ? nil : Line(number: number, range: range, bytes: bytes)
    }

    /// Says what a file is that people take for lines of JSON.
    /// - Throws: ``TrainerError`` with code `invalidData`.
    static func refuseOtherKinds(_ file: PlainFile) throws {
        let beginning = try file.bytes(0..<min(64, file.count))
        let kinds: [([UInt8], String)] = [
            ([0x1F, 0x8B], "is compressed by gzip"), ([0x28, 0xB5, 0x2F, 0xFD], "is compressed by zstd"),
            ([0x50, 0x4B, 0x03, 0x04], "is a zip archive"), (Array("PAR1".utf8), "is a Parquet file"),
            (Array("BZh".utf8), "is compressed by bzip2"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "is compressed by xz"),
            (Array("ARROW1".utf8), "is an Arrow file"), (Array("SQLite format 3".utf8), "is an SQLite database"),
            (Array("version https://git-lfs".utf8), "stands for a file that Git LFS has not fetched"),
            ([0xFF, 0xFE, 0, 0], "is in UTF-32"), ([0, 0, 0xFE, 0xFF], "is in UTF-32"),
            ([0xFF, 0xFE], "is in UTF-16"), ([0xFE, 0xFF], "is in UTF-16"),
        ]
        for (signature, kind) in kinds where beginning.starts(with: signature) {
            throw TrainerError(.invalidData, "\(file.path) \(kind)", expected: "text in UTF-8, one JSON object a line")
        }
        let first = beginning.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        if first == UInt8(ascii: "<") {
            throw TrainerError(.invalidData, "\(file.path) begins with <, as a page of the web does", expected: "one JSON object a line")
        }
        if first == UInt8(ascii: "[") {
            throw TrainerError(.invalidData, "\(file.path) begins with a list", expected: "one JSON object a line, without brackets around them")
        }
    }
}

extension Data {
    /// How many bytes stand before the first `byte` at or after `offset`.
    fileprivate func offset(of byte: UInt8, from offset: Int) -> Int? {
        withUnsafeBytes { bytes in
            guard offset < bytes.count, let found = memchr(bytes.baseAddress! + offset, Int32(byte), bytes.count - offset) else {
                return nil
            }
            return UnsafeRawPointer(found) - bytes.baseAddress!
        }
    }
}
