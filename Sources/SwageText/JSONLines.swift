import Foundation
import Swage

/// What one line of a file of examples can be read as.
public protocol JSONLineDecodable: Sendable {
    /// - Throws: ``TrainerError`` with code `invalidData`, saying what is wrong with the line.
    init(json: Data) throws
}

/// A file of examples, one JSON object a line.
///
/// Opening it checks every line once and remembers where the good ones begin; an example is read when it is asked for.
public struct JSONLines<Example: JSONLineDecodable>: Sendable {
    public let path: String
    /// The lines that were left out, each with its number and what is wrong.
    public let skipped: [String]
    /// Equal for files of equal content.
    package let contentDigest: String

    private let file: PlainFile
    private let lines: [Range<Int>]

    /// The number of examples.
    public var count: Int { lines.count }

    /// - Throws: ``TrainerError`` with code `inputOutput` if the file cannot be read, and `invalidData` for a line
    ///   that cannot be used or a file without examples.
    public init(path: String, badLines: BadLines = .stop) throws {
        self.path = path
        file = try PlainFile(path)
        try LineReader.refuseOtherKinds(file)
        var lines: [Range<Int>] = []
        var skipped: [String] = []
        var reader = LineReader(file)
        while let line = try reader.next() {
            do {
                _ = try Example(json: line.bytes)
                lines.append(line.range)
            } catch {
                let reason = (error as? TrainerError)?.description ?? error.summary
                let problem = TrainerError(.invalidData, "\(path), line \(line.number): \(reason)")
                guard case .skip = badLines else { throw problem }
                skipped.append(problem.description)
            }
        }
        guard !lines.isEmpty else {
            throw TrainerError(.invalidData, "\(path) has no examples", expected: "one JSON object a line")
        }
        var digest = ContentDigest()
        for start in stride(from: 0, to: file.count, by: 1 << 22) {
            digest.add(try file.bytes(start..<min(file.count, start + 1 << 22)))
        }
        contentDigest = digest.finish()
        self.lines = lines
        self.skipped = skipped
    }

    /// The example at `index` among the good lines.
    public subscript(index: Int) -> Example {
        get throws { try Example(json: try file.bytes(lines[index])) }
    }
}

/// What to do about a line of a file that cannot be used.
public enum BadLines: Sendable {
    /// Throw, with the file, the line number and what is wrong.
    case stop
    /// Leave the line out and count it.
    case skip
}
