public import Foundation
import Swage

/// What one line of a file of examples can be read as.
public protocol JSONLineDecodable: Sendable {
    /// - Parameters:
    ///   - json: the line, which should be one JSON object.
    ///   - notes: to which is added what a person may not expect of the line, such as keys that are not read.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData`, saying what is wrong with the line.
    init(json: Data, notes: inout [String]) throws
}

extension JSONLineDecodable {
    /// - Throws: ``Swage/TrainerError`` with code `invalidData`, saying what is wrong with the line.
    public init(json: Data) throws {
        var notes: [String] = []
        try self.init(json: json, notes: &notes)
    }
}

/// A file of examples, one JSON object a line.
///
/// Opening it checks every line once and remembers where the good ones begin; an example is read when it is asked for.
public struct JSONLines<Example: JSONLineDecodable>: Sendable {
    /// The path of the file, as it was given.
    public let path: String
    /// What is done about lines that cannot be used: those that cannot be read, and later those that cannot be tokenized.
    public let badLines: BadLines
    /// What is known of the file before any example is used: bad lines are counted as left out, all others as not looked at.
    public let report: DataReport
    /// How many lines were left out.
    public let skippedCount: Int
    /// The first hundred of the lines that were left out, each with its number and what is wrong.
    public let skipped: [String]
    /// The size of the file.
    package var byteCount: Int { file.count }

    private let file: PlainFile
    private var lines: [Line]

    private struct Line {
        let range: Range<Int>
        let number: Int
        /// What tells the line from another one. It holds in this process alone.
        let hash: Int
    }

    /// The number of examples.
    public var count: Int { lines.count }

    /// - Throws: ``Swage/TrainerError`` with code `inputOutput` if the file cannot be read, and `invalidData` for a line
    ///   that cannot be used or a file without examples.
    public init(path: String, badLines: BadLines = .stop) throws {
        (self.path, self.badLines) = (path, badLines)
        file = try PlainFile(path)
        try LineReader.refuseOtherKinds(file)
        var lines: [Line] = []
        var skipped: [String] = []
        var skippedCount = 0
        var report = DataReport(path: path)
        var reader = LineReader(file)
        while let line = try reader.next() {
            report.rows += 1
            do {
                var notes: [String] = []
                _ = try Example(json: line.bytes, notes: &notes)
                lines.append(Line(range: line.range, number: line.number, hash: Self.hash(line.bytes)))
                for note in Set(notes).sorted() { report.note(note, line: line.number) }
            } catch {
                let problem = TrainerError(.invalidData, "\(path), line \(line.number): \(error.summary)")
                guard case .skip = badLines else { throw problem }
                skippedCount += 1
                if skippedCount <= 100 { skipped.append(problem.description) }
                report.leaveOut(error.summary, line: line.number)
            }
        }
        guard !lines.isEmpty else {
            throw TrainerError(.invalidData, "\(path) has no examples", expected: "one JSON object a line")
        }
        report.unseen = lines.count
        (self.lines, self.skipped, self.skippedCount, self.report) = (lines, skipped, skippedCount, report)
    }

    /// The example at `index` among the good lines.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if the line is not what it was when the file was opened.
    public subscript(index: Int) -> Example {
        get throws {
            let line = lines[index]
            guard let bytes = try? file.bytes(line.range), Self.hash(bytes) == line.hash else {
                throw TrainerError(
                    .invalidData, "\(path), line \(line.number), has changed since the file was opened",
                    expected: "a file that stays as it is while it is used")
            }
            return try Example(json: bytes)
        }
    }

    private static func hash(_ bytes: Data) -> Int {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }

    /// The number of the line in which an example stands, from 1 on.
    public func line(_ index: Int) -> Int { lines[index].number }

    /// The same file with some of its examples, in the order of `indices`.
    package func keeping(_ indices: some Sequence<Int>) -> JSONLines {
        var kept = self
        kept.lines = indices.map { lines[$0] }
        return kept
    }

    /// Equal for files of equal content.
    package var contentDigest: String {
        get throws {
            var digest = ContentDigest()
            for begin in stride(from: 0, to: file.count, by: Self.digestPiece) {
                digest.add(try file.bytes(begin..<min(begin + Self.digestPiece, file.count)))
            }
            return digest.finish()
        }
    }

    private static var digestPiece: Int { 1 << 22 }
}

/// What to do about a line of a file that cannot be used.
public enum BadLines: Sendable {
    /// Throw, with the file, the line number and what is wrong.
    case stop
    /// Leave the line out and count it.
    case skip
}
