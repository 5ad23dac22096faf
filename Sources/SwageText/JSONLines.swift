import Foundation
import Swage

/// What one line of a file of examples can be read as.
public protocol JSONLineDecodable: Sendable {
    /// - Throws: ``TrainerError`` with code `invalidData`, saying what is wrong with the line.
    init(json: Data) throws
}

/// A file of examples, one JSON object a line.
///
/// The file is memory-mapped. Opening it checks every line once and remembers where the good ones begin; an example
/// is decoded when it is asked for.
public struct JSONLines<Example: JSONLineDecodable>: Sendable {
    public let path: String
    /// The lines that were left out, each with its number and what is wrong.
    public let skipped: [String]

    private let data: Data
    private let lines: [Range<Int>]

    /// The number of examples.
    public var count: Int { lines.count }

    /// - Throws: ``TrainerError`` with code `inputOutput` if the file cannot be read, and `invalidData` for a line
    ///   that cannot be used or a file without examples.
    public init(path: String, badLines: BadLines = .stop) throws {
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        } catch {
            throw TrainerError(.inputOutput, "\(path) cannot be read: \(error.summary)")
        }
        self.path = path
        var lines: [Range<Int>] = []
        var skipped: [String] = []
        for (index, range) in Self.lineRanges(data).enumerated() {
            let isBlank = data[range].allSatisfy { [0x20, 0x09, 0x0D].contains($0) }
            if isBlank { continue }
            do {
                _ = try Example(json: data[range])
                lines.append(range)
            } catch {
                let place = "\(path), line \(index + 1): \(error)"
                guard case .skip = badLines else { throw TrainerError(.invalidData, place) }
                skipped.append(place)
            }
        }
        guard !lines.isEmpty else {
            throw TrainerError(.invalidData, "\(path) has no examples", expected: "one JSON object a line")
        }
        self.lines = lines
        self.skipped = skipped
    }

    /// The example at `index` among the good lines.
    public subscript(index: Int) -> Example {
        get throws { try Example(json: data[lines[index]]) }
    }

    /// Equal for files of equal content.
    package var contentDigest: String { ContentDigest.of(data) }

    private static func lineRanges(_ data: Data) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = data.startIndex
        while start < data.endIndex {
            let end = data[start...].firstIndex(of: 0x0A) ?? data.endIndex
            ranges.append(start..<end)
            start = end + 1
        }
        return ranges
    }
}

/// What to do about a line of a file that cannot be used.
public enum BadLines: Sendable {
    /// Throw, with the file, the line number and what is wrong.
    case stop
    /// Leave the line out and count it.
    case skip
}
