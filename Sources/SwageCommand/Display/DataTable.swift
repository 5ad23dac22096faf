import Foundation
import SwageText

/// What became of all examples, a line for each thing that can be said.
struct DataTable {
    private let report: DataReport

    init(_ report: DataReport) { self.report = report }

    /// As what the rows were read, a line for each form.
    var readings: String {
        report.notes.filter(Self.isReading).map { "\(report.path) is \($0.text) (\(report.listed($0)))" }.joined(separator: "\n")
    }

    private static func isReading(_ note: DataReport.Note) -> Bool { note.text.hasPrefix("read as ") }

    /// The counts, and all else that is to be noted.
    var text: String {
        var rows: [(String, String)] = [
            ("examples", "\(report.rows), \(report.used) used"),
            ("tokens", "\(report.tokens)"),
            ("learned", report.tokens == 0 ? "0" : "\(report.targets) (\(fixed(100 * Double(report.targets) / Double(report.tokens), 1)) %)"),
        ]
        if let longest = report.longest { rows.append(("longest", "\(longest.tokens) tokens (\(report.places([longest.line])))")) }
        if report.cut > 0 { rows.append(("cut", "\(report.cut), \(report.cutTokens) tokens of them")) }
        if report.leftOutRows > 0 { rows.append(("left out", "\(report.leftOutRows)")) }
        rows += report.leftOut.map { ("", "\($0.reason) (\(report.listed($0)))") }
        rows += report.notes.filter { !Self.isReading($0) }.map { ("note", "\($0.text) (\(report.listed($0)))") }
        return rows.map { $0.padding(toLength: 10, withPad: " ", startingAt: 0) + $1 }.joined(separator: "\n")
    }
}
