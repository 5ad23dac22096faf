import Foundation

/// The lines of a file, those that hold white space alone left out.
struct LineScanner: RowScanner {
    private(set) var count = 0

    mutating func scan(_ piece: UnsafeBufferPointer<UInt8>, offset: Int, isLast: Bool, into rows: inout [ScannedRow]) -> Int {
        var start = 0
        while start < piece.count {
            let feed = piece.offset(of: 0x0A, from: start)
            guard feed != nil || isLast else { break }
            let end = feed ?? piece.count
            count += 1
            let begin = offset + start == 0 && piece.beginsWithMark ? min(3, end) : start
            let isBlank = piece[begin..<end].allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            if !isBlank { rows.append(ScannedRow(range: begin..<end, number: count)) }
            start = min(end + 1, piece.count)
        }
        return start
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether they begin with a byte order mark, which some editors write.
    var beginsWithMark: Bool { count >= 3 && self[0] == 0xEF && self[1] == 0xBB && self[2] == 0xBF }

    /// Where the first `byte` at or after `start` is.
    fileprivate func offset(of byte: UInt8, from start: Int) -> Int? {
        guard let base = baseAddress, start < count, let found = memchr(base + start, Int32(byte), count - start) else { return nil }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
}
