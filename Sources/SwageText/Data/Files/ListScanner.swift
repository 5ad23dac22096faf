import Foundation
import Swage

/// The elements of one JSON array. What is in them is left to whoever reads them.
struct ListScanner: RowScanner {
    private(set) var count = 0
    private var state = State.beforeList

    private enum State { case beforeList, beforeFirst, beforeElement, afterElement, afterList }

    mutating func scan(
        _ piece: UnsafeBufferPointer<UInt8>, offset: Int, isLast: Bool, into rows: inout [ScannedRow]
    ) throws -> Int {
        var place = offset == 0 && piece.beginsWithMark ? 3 : 0
        while true {
            while place < piece.count, piece[place].isJSONSpace { place += 1 }
            guard place < piece.count else { break }
            let byte = piece[place]
            switch state {
            case .beforeList: (state, place) = (.beforeFirst, place + 1)
            case .afterElement where byte == UInt8(ascii: ","): (state, place) = (.beforeElement, place + 1)
            case .afterElement where byte == UInt8(ascii: "]"), .beforeFirst where byte == UInt8(ascii: "]"):
                (state, place) = (.afterList, place + 1)
            case .beforeFirst, .beforeElement:
                if byte == UInt8(ascii: "]") || byte == UInt8(ascii: ",") {
                    throw wrong(byte, offset + place, "stands where record \(count + 1) should", expected: "an object")
                }
                guard let end = Self.end(of: place, in: piece, isLast: isLast) else {
                    guard isLast else { return place }
                    throw TrainerError(
                        .invalidData, "it ends within record \(count + 1) of its list, which begins at byte \(offset + place + 1)",
                        expected: "a list that is whole")
                }
                count += 1
                rows.append(ScannedRow(range: place..<end, number: count))
                (state, place) = (.afterElement, end)
            case .afterElement:
                throw wrong(byte, offset + place, "follows record \(count) of its list", expected: "a comma or ]")
            case .afterList:
                throw wrong(
                    byte, offset + place, "follows the list of \(count) records",
                    expected: "the end of the file; several lists belong in several files")
            }
        }
        if isLast, state != .afterList {
            throw TrainerError(.invalidData, "its list does not end: \(count) records have been read", expected: "a list that is whole")
        }
        return place
    }

    /// Where the value ends that begins at `start`; nil if that is beyond the piece.
    private static func end(of start: Int, in piece: UnsafeBufferPointer<UInt8>, isLast: Bool) -> Int? {
        var (place, depth) = (start, 0)
        while place < piece.count {
            switch piece[place] {
            case UInt8(ascii: "\""):
                place += 1
                while true {
                    place = piece.firstOfText(from: place)
                    guard place < piece.count else { return nil }
                    if piece[place] == UInt8(ascii: "\"") { break }
                    place += piece[place] == UInt8(ascii: "\\") ? 2 : 1
                }
                if depth == 0 { return place + 1 }
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return place }
                depth -= 1
                if depth == 0 { return place + 1 }
            case UInt8(ascii: ",") where depth == 0: return place
            case let byte where depth == 0 && byte.isJSONSpace: return place
            default: break
            }
            place += 1
        }
        return isLast && depth == 0 ? piece.count : nil
    }

    private func wrong(_ byte: UInt8, _ offset: Int, _ problem: String, expected: String) -> TrainerError {
        TrainerError(.invalidData, "byte \(offset + 1): \(byte.inWords) \(problem)", expected: expected)
    }
}
