import Foundation
import SwageRecipes

/// Where the time of a run went.
struct ProfileReport {
    struct Row {
        let name: String
        let seconds: Double
        /// How many stretches of time they were.
        let count: Int
    }

    let rows: [Row]
    /// The seconds, among those, for which the main thread waited for the others.
    let waiting: Double
    let chromeTrace: Data

    /// A table, the longest first.
    var table: String {
        let total = rows.reduce(0) { $0 + $1.seconds }
        let lines = rows.sorted { $0.seconds > $1.seconds }.map { row in
            line(row.name, row.seconds, of: total, "\(row.count)")
        }
        return ([line("phase", nil, of: total, "stretches")] + lines + [line("waiting", waiting, of: total, "")])
            .joined(separator: "\n")
    }

    /// Prints the table to standard error, and writes the trace.
    func publish(in directory: RunDirectory) throws {
        let path = try directory.write(profile: chromeTrace)
        writeToStandardError("\n\(table)\n\nwaiting is part of the other phases. Open \(path) in chrome://tracing.\n")
    }

    private func line(_ name: String, _ seconds: Double?, of total: Double, _ count: String) -> String {
        let cells = [
            seconds.map { fixed($0, 3) } ?? "seconds", seconds.map { fixed(100 * $0 / total, 1) + " %" } ?? "share", count,
        ]
        return name.padding(toLength: 16, withPad: " ", startingAt: 0)
            + cells.map { String(repeating: " ", count: max(1, 12 - $0.count)) + $0 }.joined()
    }
}
