import Foundation
import Swage
import SwageText

/// A file to which work adds one line of JSON for each part of it that is done, and from which it goes on.
struct RecordFile<Record: Codable> {
    let path: String
    /// What earlier work has left.
    let kept: [Record]
    private let handle: FileHandle

    /// Opens the file, and drops what comes after the last record to keep: a line that was cut off, records of parts that
    /// are done again.
    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` for a whole line that is no record, and `inputOutput` if
    ///   the file cannot be read or written.
    init(_ path: String, keeping isKept: (Record) -> Bool = { _ in true }) throws {
        let url = URL(fileURLWithPath: path)
        let newline = UInt8(ascii: "\n")
        let contents = try FileManager.default.fileExists(atPath: path) ? Self.accessing(path, "read") { try Data(contentsOf: url) } : Data()
        let lines = contents.split(separator: newline)
        var kept: [Record] = []
        for (index, line) in lines.enumerated() {
            let isWhole = index + 1 < lines.count || contents.last == newline
            guard let record = try Self.record(line, isWhole: isWhole, "\(path), line \(index + 1)"), isKept(record) else { break }
            kept.append(record)
        }
        (self.path, self.kept) = (path, kept)
        handle = try Self.accessing(path, "written") {
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(lines.prefix(kept.count).map { $0 + [newline] }.joined()).write(to: url, options: .atomic)
            let handle = try FileHandle(forWritingTo: url)
            try handle.seekToEnd()
            return handle
        }
    }

    private static func record(_ line: Data, isWhole: Bool, _ place: String) throws -> Record? {
        do {
            return try JSONDecoder().decode(Record.self, from: line)
        } catch where isWhole {
            throw TrainerError(.corruptFile, "\(place), cannot be read: \(error)", expected: "what a run has written")
        } catch {
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

    func append(_ records: [Record]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let lines = try records.reduce(into: Data()) { $0 += try encoder.encode($1) + Data("\n".utf8) }
        try Self.accessing(path, "written") { try handle.write(contentsOf: lines) }
    }

    /// Flushes what was appended to the disk.
    func synchronize() throws { try Self.accessing(path, "written") { try handle.synchronize() } }

    private static func accessing<Result>(_ path: String, _ verb: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw TrainerError(.inputOutput, "\(path) cannot be \(verb): \(error.summary)")
        }
    }
}
