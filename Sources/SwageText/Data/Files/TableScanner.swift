import Foundation
import Swage

/// The rows of a table under its header (RFC 4180): cells in double quotes may hold separators and line feeds.
struct TableScanner: RowScanner {
    private(set) var count = 0
    private let separator: UInt8
    private var isPastHeader = false

    init(_ header: TableHeader) { separator = header.separator }

    /// Of which no row is a header.
    init(separator: UInt8) { self.separator = separator }

    mutating func scan(
        _ piece: UnsafeBufferPointer<UInt8>, offset: Int, isLast: Bool, into rows: inout [ScannedRow]
    ) throws -> Int {
        var start = 0
        while start < piece.count {
            let begin = offset + start == 0 && piece.beginsWithMark ? 3 : start
            guard let row = try row(from: begin, in: piece, isLast: isLast) else { break }
            let isBlank = piece[begin..<row.end].allSatisfy { $0 == 0x20 || $0 == 0x0D || ($0 == 0x09 && separator != 0x09) }
            if !isBlank {
                if isPastHeader { rows.append(ScannedRow(range: begin..<row.end, number: count + 1)) }
                isPastHeader = true
            }
            count += row.lines
            start = min(row.end + 1, piece.count)
        }
        return start
    }

    /// Where the row ends that begins at `start`, at a line feed or the end of the piece, and how many lines it takes; nil if
    /// it goes on beyond the piece.
    func row(from start: Int, in piece: UnsafeBufferPointer<UInt8>, isLast: Bool) throws -> (end: Int, lines: Int)? {
        var (place, lines) = (start, 1)
        while true {
            if place < piece.count, piece[place] == UInt8(ascii: "\"") {
                guard let end = try quoted(from: place, in: piece, isLast: isLast, lines: &lines) else { return nil }
                place = end
            } else {
                while place < piece.count, piece[place] != separator, piece[place] != 0x0A { place += 1 }
            }
            guard place < piece.count else { return isLast ? (place, lines) : nil }
            if piece[place] == 0x0A { return (place, lines) }
            place += 1
        }
    }

    /// Where the cell in quotes ends that begins at `start`: at a separator, a line feed or the end.
    private func quoted(
        from start: Int, in piece: UnsafeBufferPointer<UInt8>, isLast: Bool, lines: inout Int
    ) throws -> Int? {
        let first = count + lines
        var place = start + 1
        while true {
            while place < piece.count, piece[place] != UInt8(ascii: "\"") {
                if piece[place] == 0x0A { lines += 1 }
                place += 1
            }
            guard place < piece.count else {
                guard isLast else { return nil }
                throw TrainerError(
                    .invalidData, "line \(first): a cell begins with a double quote, and no other ends it",
                    expected: "a closing double quote, and those within a cell doubled")
            }
            place += 1
            guard place < piece.count else { return isLast ? place : nil }
            let byte = piece[place]
            if byte == separator || byte == 0x0A { return place }
            if byte == 0x0D {
                guard place + 1 < piece.count else { return isLast ? place + 1 : nil }
                if piece[place + 1] == 0x0A { return place + 1 }
            }
            guard byte == UInt8(ascii: "\"") else {
                throw TrainerError(
                    .invalidData, "line \(count + lines): \(byte.inWords) follows the double quote that ends a cell",
                    expected: "a separator or the end of the line; double quotes within a cell are doubled")
            }
            place += 1
        }
    }
}
