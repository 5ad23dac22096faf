import Foundation
import Swage
import Synchronization

/// Checks the rows of files that were opened, and counts them.
struct ExampleOpening {
    /// What is known once every row has been looked at.
    struct Result: Sendable {
        var files: RowFiles
        var report: DataReport
        /// The first hundred of the rows that were left out, each with its place and what is wrong.
        var skipped: [String] = []
    }

    private let files: RowFiles
    private let report: DataReport
    private let badLines: BadLines

    init(_ files: RowFiles, name: String, badLines: BadLines) {
        (self.files, report, self.badLines) = (files, DataReport(path: name), badLines)
    }

    /// - Parameter look: reads a row, and returns what there is to note of it.
    /// - Throws: ``TrainerError`` with code `invalidData` for a row that cannot be used, if none is left out, or a file without
    ///   any; what `progress` throws.
    func check(
        progress: @escaping @Sendable (Int, Int) throws -> Void, look: @escaping @Sendable (Data) throws -> [String]
    ) throws -> Result {
        let all = files.byteCount
        let result = Mutex(Result(files: files, report: report))
        let names = files.files
        let check = RowCheck(
            names.map { ($0.content, $0.kind) }, stops: badLines == .stop, look: { try look($1.json($0)) },
            merge: { findings in
                result.withLock { $0.add(findings) }
                try progress(findings.done, all)
            })
        do {
            let units = try check.run(cores: min(ProcessInfo.processInfo.activeProcessorCount, all >> 20 + 1))
            return try result.withLock { result in
                try result.files.finish(units: units)
                result.report.files = result.files.listing
                if let (rows, number) = result.files.repeated { result.report.note("the row is the same as an earlier one", rows: rows, line: number) }
                return result
            }
        } catch let bad as RowCheck.BadRow {
            throw TrainerError(.invalidData, "\(names[bad.file].name(ofUnit: bad.number)): \(bad.reason)")
        }
    }
}

extension ExampleOpening.Result {
    fileprivate mutating func add(_ findings: RowCheck.Findings) {
        files.add(findings.places, toFile: findings.file)
        for note in findings.notes { report.note(note.text, rows: note.rows, line: findings.unitsBefore + note.number) }
        for (number, reason) in findings.problems {
            if skipped.count < 100 {
                let place = files.files[findings.file].name(ofUnit: number)
                skipped.append(TrainerError(.invalidData, "\(place): \(reason.withoutAdvice)").description)
            }
            report.leaveOut(reason, line: findings.unitsBefore + number)
        }
    }
}

extension RowFiles {
    /// The files for a report; nil for one file of lines.
    fileprivate var listing: [DataReport.File]? {
        if files.count == 1, files[0].kind.unit == "line" { return nil }
        return files.map { DataReport.File(path: $0.content.path, unit: $0.kind.unit, linesBefore: $0.unitsBefore) }
    }
}

extension DataSource {
    /// What several are called.
    static func name(of sources: [DataSource]) -> String {
        if sources.count == 1 { return sources[0].path == standardInput ? Unpacking.standardInputName : sources[0].description }
        let shown = sources.prefix(4).map(\.description).joined(separator: ", ")
        return sources.count > 4 ? "\(shown) and \(sources.count - 4) more" : shown
    }
}
