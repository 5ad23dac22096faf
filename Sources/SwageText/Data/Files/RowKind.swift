import Foundation
import Swage

/// How the rows of a file are written.
enum RowKind: Sendable, Equatable {
    /// One JSON object a line.
    case lines
    /// One JSON array, the elements of which are the rows.
    case list
    /// Cells between separators, under a header (RFC 4180).
    case table(TableHeader)

    /// What the number of a row counts.
    var unit: String { self == .list ? "record" : "line" }

    /// What a digest tells it by: cells between commas and the same between tabs say something else.
    var digestName: String {
        switch self {
        case .lines: "lines"
        case .list: "list"
        case .table(let header): header.separator == UInt8(ascii: "\t") ? "tsv" : "csv"
        }
    }

    /// The row as one JSON object.
    /// - Throws: ``TrainerError`` with code `invalidData` for cells that are not those of the header.
    func json(_ row: Data) throws -> Data {
        if case .table(let header) = self { try header.json(row) } else { row }
    }

    func scanner() -> any RowScanner {
        switch self {
        case .lines: LineScanner()
        case .list: ListScanner()
        case .table(let header): TableScanner(header)
        }
    }
}

/// Finds where rows begin and end.
protocol RowScanner: Sendable {
    /// How many lines or records have gone by.
    var count: Int { get }
    /// Looks at a piece of the file that begins where the last one was left.
    /// - Parameters:
    ///   - isLast: whether the file ends with it.
    ///   - rows: to which whole rows are added, with places in the piece.
    /// - Returns: how many bytes need not be looked at again. 0 if the piece has no whole row.
    /// - Throws: ``TrainerError`` with code `invalidData`, without the path, if the file cannot be split any further.
    mutating func scan(_ piece: UnsafeBufferPointer<UInt8>, offset: Int, isLast: Bool, into rows: inout [ScannedRow]) throws -> Int
}

struct ScannedRow: Sendable {
    var range: Range<Int>
    /// The number of the line on which it begins, or of the record, from 1 on.
    var number: Int
}
