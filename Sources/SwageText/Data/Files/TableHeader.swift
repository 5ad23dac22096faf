import Foundation
import Swage

/// The columns of a table, and what stands between its cells.
struct TableHeader: Sendable, Equatable {
    let names: [String]
    let separator: UInt8
    /// The names as keys of JSON, with a colon.
    private let keys: [[UInt8]]

    /// The columns in which what looks like JSON is JSON.
    private static let structured: Set = ["messages", "conversations", "tools"]
    /// Those that hold a text, which may itself be JSON, or a list of messages.
    private static let spoken: Set = ["prompt", "chosen", "rejected", "completion"]

    private static func isStructure(_ cell: [UInt8], _ name: String) -> Bool {
        guard structured.contains(name) || spoken.contains(name), let value = try? JSONValue(json: Data(cell)) else { return false }
        guard spoken.contains(name) else { return true }
        return value.list.map { !$0.isEmpty && $0.allSatisfy { $0["role"] != nil || $0["from"] != nil } } ?? false
    }

    /// - Throws: ``TrainerError`` with code `invalidData` for names that are empty, come twice or are no UTF-8.
    init(_ row: Data, separator: UInt8) throws {
        self.separator = separator
        names = try Self.cells(of: row, separator).enumerated().map { number, cell in
            guard let name = String(validating: cell, as: UTF8.self) else {
                throw TrainerError(.invalidData, "the name of column \(number + 1) is no UTF-8", expected: "text in UTF-8")
            }
            return name
        }
        var seen: Set<Spelling> = []
        for (number, name) in names.enumerated() {
            guard !name.isEmpty else {
                throw TrainerError(
                    .invalidData, "the header has no name for column \(number + 1)", expected: "a name in every cell of the first line")
            }
            guard seen.insert(Spelling(text: name)).inserted else {
                throw TrainerError(.invalidData, "the header has the name \"\(name.beginning(60))\" twice", expected: "each name once")
            }
        }
        keys = names.map { Array(JSONValue.text($0).json.utf8) + [UInt8(ascii: ":")] }
    }

    /// A row as one JSON object, whose keys are the names of the columns. An empty cell is null.
    /// - Throws: ``TrainerError`` with code `invalidData` for another number of cells, and for one that is no UTF-8.
    func json(_ row: Data) throws -> Data {
        let cells = Self.cells(of: row, separator)
        guard cells.count == names.count else {
            throw TrainerError(
                .invalidData, "the row has \(cells.count) cells, and the header \(names.count)",
                expected: "a cell for each name; those with separators, quotes or line feeds in double quotes")
        }
        var json: [UInt8] = [UInt8(ascii: "{")]
        json.reserveCapacity(row.count + row.count / 8 + 64)
        for (index, cell) in cells.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.append(contentsOf: keys[index])
            try append(cell, name: names[index], to: &json)
        }
        json.append(UInt8(ascii: "}"))
        return Data(json)
    }

    private func append(_ cell: [UInt8], name: String, to json: inout [UInt8]) throws {
        guard let first = cell.first else { return json.append(contentsOf: "null".utf8) }
        guard String(validating: cell, as: UTF8.self) != nil else {
            throw TrainerError(.invalidData, "the cell of \"\(name.beginning(60))\" is no UTF-8", expected: "text in UTF-8")
        }
        let looksStructured = first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        if looksStructured, Self.isStructure(cell, name) {
            return json.append(contentsOf: cell)
        }
        json.append(UInt8(ascii: "\""))
        for byte in cell {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): json.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case ..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                json.append(contentsOf: "\\u00".utf8)
                json.append(contentsOf: [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            default: json.append(byte)
            }
        }
        json.append(UInt8(ascii: "\""))
    }

    /// The cells of a row that ``TableScanner`` has found, without the quotes around them.
    private static func cells(of row: Data, _ separator: UInt8) -> [[UInt8]] {
        row.withUnsafeBytes { (row: UnsafeRawBufferPointer) in
            let end = row.last == 0x0D ? row.count - 1 : row.count
            var (cells, place): ([[UInt8]], Int) = ([], 0)
            while true {
                var cell: [UInt8] = []
                if place < end, row[place] == UInt8(ascii: "\"") {
                    place += 1
                    while place < end {
                        if row[place] == UInt8(ascii: "\"") {
                            place += 1
                            guard place < end, row[place] == UInt8(ascii: "\"") else { break }
                        }
                        cell.append(row[place])
                        place += 1
                    }
                } else {
                    let start = place
                    while place < end, row[place] != separator { place += 1 }
                    cell = Array(row[start..<place])
                }
                cells.append(cell)
                guard place < end else { return cells }
                place += 1
            }
        }
    }
}
