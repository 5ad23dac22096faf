import Foundation
import Swage

/// A file of rows, of which those that are good are found again without reading it whole.
struct RowFile: Sendable {
    let content: RowContent
    let kind: RowKind
    /// Which source it belongs to.
    let source: Int
    var places: [RowPlace] = []
    /// How many lines or records the files before have, and how many this one has.
    var unitsBefore = 0
    var units = 0

    /// The row as one JSON object.
    /// - Throws: ``TrainerError`` with code `invalidData` if the row is not what it was when the file was opened.
    func json(_ index: Int) throws -> Data {
        let place = places[index]
        guard let row = try? content.bytes(place.range), RowPlace.hash(row) == place.hash else {
            throw TrainerError(
                .invalidData, "\(name(ofUnit: Int(place.number))), has changed since the file was opened",
                expected: "a file that stays as it is while it is used")
        }
        return try kind.json(row)
    }

    /// What errors call a line or record.
    func name(ofUnit number: Int) -> String { "\(content.path), \(kind.unit) \(number)" }
}
