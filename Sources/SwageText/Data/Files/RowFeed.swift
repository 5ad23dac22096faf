import Foundation
import Swage

/// The rows of files one after another, in pieces that are read when somebody has time for them.
struct RowFeed {
    /// A piece of a file, with whole rows in it.
    struct Piece: Sendable {
        /// From 0 on, over all files.
        let number: Int
        let file: Int
        /// Where the piece begins in the file.
        let offset: Int
        let bytes: Data
        let rows: [ScannedRow]
        /// How many bytes of all files have been read by its end.
        let done: Int
        /// How many lines and records the files before have.
        let unitsBefore: Int
    }

    /// Longer rows are refused: no example is that long, and tokens are counted in 32 bits. Where rows end by quotes and
    /// brackets, one that is missing would make a row of all that follows, which is not worth that much memory.
    private static func maximumRowBytes(_ kind: RowKind) -> Int { kind == .lines ? 1 << 30 : 1 << 28 }

    private let files: [(content: RowContent, kind: RowKind)]
    private let pieceBytes: Int
    private var file = 0
    private var offset = 0
    private var scanner: any RowScanner
    private var pieces = 0
    private var done = 0
    private var unitsBefore = 0
    /// Why the file cannot be split any further, behind the rows that were found before.
    private var failure: TrainerError?
    /// How many lines or records each file has of those that have been read to the end.
    private(set) var units: [Int] = []

    init(_ files: [(content: RowContent, kind: RowKind)], pieceBytes: Int = 1 << 20) {
        (self.files, self.pieceBytes) = (files, pieceBytes)
        scanner = files[0].kind.scanner()
    }

    /// The next piece, or nil after the last one.
    /// - Throws: ``TrainerError`` with code `inputOutput`, or `invalidData` for a file that cannot be split into rows. There is
    ///   no next piece after that.
    mutating func next() throws -> Piece? {
        if let failure { throw failure }
        while file < files.count {
            let content = files[file].content
            guard offset < content.count else {
                unitsBefore += scanner.count
                units.append(scanner.count)
                file += 1
                offset = 0
                if file < files.count { scanner = files[file].kind.scanner() }
                continue
            }
            if let piece = try piece(of: content) { return piece }
        }
        return nil
    }

    private mutating func piece(of content: RowContent) throws -> Piece? {
        var wanted = pieceBytes
        while true {
            let count = min(wanted, content.count - offset)
            let bytes = try content.bytes(offset..<offset + count)
            let isLast = offset + count == content.count
            var rows: [ScannedRow] = []
            var taken = 0
            do {
                taken = try bytes.withUnsafeBytes {
                    try scanner.scan($0.bindMemory(to: UInt8.self), offset: offset, isLast: isLast, into: &rows)
                }
            } catch let error as TrainerError {
                failure = error.placed(in: content.path)
                if rows.isEmpty { throw failure! }
            }
            if taken == 0, !isLast, failure == nil {
                let (kind, number) = (files[file].kind, scanner.count + 1)
                let limit = Self.maximumRowBytes(kind)
                guard count < limit else {
                    throw TrainerError(
                        .invalidData, "\(content.path), \(kind.unit) \(number) is longer than \(limit) bytes",
                        expected: kind == .lines ? "one example a line" : "shorter examples; a quote or a bracket may be missing there")
                }
                // Doubling keeps the reading of a long row linear.
                wanted = 2 * count
                continue
            }
            let start = offset
            offset = isLast ? content.count : offset + taken
            done += offset - start
            if rows.isEmpty, offset < content.count { return nil }
            defer { pieces += 1 }
            return Piece(
                number: pieces, file: file, offset: start, bytes: bytes, rows: rows, done: done, unitsBefore: unitsBefore)
        }
    }
}
