import Foundation
import Swage
import SwageFiles
import SwageText

/// A file to which work adds one line of JSON for each part of it that is done, and from which it goes on.
struct RecordFile<Record: Recorded> {
    let path: String
    /// What earlier work has left.
    let kept: [Record]
    private let handle: FileHandle

    /// Opens the file, and drops what comes after the last record to keep: a line that was cut off, records of parts that
    /// are done again.
    /// - Parameters:
    ///   - fault: what is odd about the record of a number, in words that follow its place.
    ///   - isKept: whether work goes on after a record.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` for a whole line that is no record or is odd, and
    ///   `inputOutput` if the file cannot be read or written.
    init(
        _ path: String, fault: (_ number: Int, Record) -> String? = { _, _ in nil }, keeping isKept: (Record) -> Bool = { _ in true }
    ) throws {
        let url = URL(literalPath: path)
        let newline = UInt8(ascii: "\n")
        let contents = try FileManager.default.fileExists(atPath: path) ? PlainFile.content(of: path, limit: .max) : Data()
        let lines = contents.split(separator: newline)
        var kept: [Record] = []
        for (index, line) in lines.enumerated() {
            let isWhole = index + 1 < lines.count || contents.last == newline
            let place = "\(path), line \(index + 1)"
            guard let record = try Self.record(line, isWhole: isWhole, place) else { break }
            if let odd = fault(index, record) {
                throw TrainerError(.corruptFile, "\(place), cannot be right: \(odd)", expected: "what a run has written")
            }
            guard isKept(record) else { break }
            kept.append(record)
        }
        (self.path, self.kept) = (path, kept)
        handle = try Self.writing(path) {
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try AtomicDirectory.replaceFile(path, with: Data(lines.prefix(kept.count).map { $0 + [newline] }.joined()))
            let handle = try FileHandle(forWritingTo: url)
            try handle.seekToEnd()
            return handle
        }
    }

    private static func record(_ line: Data, isWhole: Bool, _ place: String) throws -> Record? {
        do {
            return try RecordCoding.decode(Record.self, line, place + ",")
        } catch _ where !isWhole {
            return nil
        }
    }

    /// Makes sure that the records are those of the first parts of some work.
    /// - Parameter fits: whether a record is of the part of that number.
    /// - Throws: ``Swage/TrainerError`` with code `checkpointMismatch`.
    func check(parts: Int, fits: (_ number: Int, Record) throws -> Bool) throws {
        guard let odd = try kept.indices.first(where: { try $0 >= parts || !fits($0, kept[$0]) }) else { return }
        throw TrainerError(
            .checkpointMismatch, "\(path), line \(odd + 1), was measured on other data",
            expected: "the same data to go on, another output folder, or a restart")
    }

    /// Adds lines, or none of them if not all can be written.
    func append(_ records: [Record]) throws {
        let lines = try records.reduce(into: Data()) { $0 += try RecordCoding.encode($1) + Data("\n".utf8) }
        try Self.writing(path) {
            let end = try handle.offset()
            do {
                try handle.write(contentsOf: lines)
            } catch {
                try? handle.truncate(atOffset: end)
                throw error
            }
        }
    }

    /// Flushes what was appended to the disk.
    func synchronize() throws { try Self.writing(path) { try handle.synchronize() } }

    private static func writing<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as TrainerError {
            throw error
        } catch {
            throw TrainerError(.inputOutput, "\(path) cannot be written: \(error.summary)")
        }
    }
}
