public import Foundation
import Swage

/// What one line of a file of examples can be read as. How it is encoded tells one from another, where examples come from memory.
public protocol JSONLineDecodable: Sendable, Encodable {
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

/// The examples of a file, one JSON object a line, or of any collection.
///
/// Opening a file checks every line once and remembers where the good ones begin; an example is read when it is asked for.
///
/// ```swift
/// let file = try Examples<TrainingExample>(path: "chats.jsonl")
/// let own = try Examples(chats.map { TrainingExample.chat(Chat($0)) })
/// ```
public struct Examples<Example: JSONLineDecodable>: Sendable {
    /// The path of the file, as it was given; of others what they were called.
    public let name: String
    /// What is done about lines that cannot be used: those that cannot be read, and later those that cannot be tokenized.
    public let badLines: BadLines
    /// What is known before any example is used: bad lines are counted as left out, all others as not looked at.
    public let report: DataReport
    /// How many lines were left out.
    public let skippedCount: Int
    /// The first hundred of the lines that were left out, each with its number and what is wrong.
    public let skipped: [String]

    private let store: Store
    /// Where each example is in the store.
    private var places: [Int]

    private enum Store {
        case file(ExampleFile)
        case memory([Example])
    }

    /// The number of examples.
    public var count: Int { places.count }

    /// Opens a file.
    /// - Throws: ``Swage/TrainerError`` with code `inputOutput` if the file cannot be read, and `invalidData` for a line
    ///   that cannot be used or a file without examples.
    public init(path: String, badLines: BadLines = .stop) throws {
        (name, self.badLines) = (path, badLines)
        var skipped: [String] = []
        var skippedCount = 0
        var report = DataReport(path: path)
        let file = try ExampleFile(path: path) { line in
            report.rows += 1
            do {
                var notes: [String] = []
                _ = try Example(json: line.bytes, notes: &notes)
                for note in Set(notes).sorted() { report.note(note, line: line.number) }
                return true
            } catch {
                let problem = TrainerError(.invalidData, "\(path), line \(line.number): \(error.summary)")
                guard case .skip = badLines else { throw problem }
                skippedCount += 1
                if skippedCount <= 100 { skipped.append(problem.description) }
                report.leaveOut(error.summary, line: line.number)
                return false
            }
        }
        guard file.lineCount > 0 else {
            throw TrainerError(.invalidData, "\(path) has no examples", expected: "one JSON object a line")
        }
        report.unseen = file.lineCount
        (store, places) = (.file(file), Array(0..<file.lineCount))
        (self.skipped, self.skippedCount, self.report) = (skipped, skippedCount, report)
    }

    /// Opens a file.
    /// - Throws: ``Swage/TrainerError`` as ``init(path:badLines:)`` does, and `invalidOption` for what is no place on disk.
    public init(url: URL, badLines: BadLines = .stop) throws { try self.init(path: try url.filePath, badLines: badLines) }

    /// Takes the examples of a collection, in its order.
    /// - Parameters:
    ///   - examples: one or more. They are looked at as those of a file are, once they are used.
    ///   - name: what reports and errors call them; a "line" there is the number of an example, from 1 on.
    ///   - badLines: what is done about those that cannot be tokenized.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if there are none.
    public init(_ examples: some Collection<Example>, name: String = "the examples", badLines: BadLines = .stop) throws {
        guard !examples.isEmpty else { throw TrainerError(.invalidData, "\(name) are none", expected: "at least one") }
        (self.name, self.badLines, skipped, skippedCount) = (name, badLines, [], 0)
        (store, places) = (.memory(Array(examples)), Array(0..<examples.count))
        var report = DataReport(path: name)
        (report.rows, report.unseen) = (examples.count, examples.count)
        self.report = report
    }

    /// The example at `index` among the good lines.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if the line is not what it was when the file was opened.
    public subscript(index: Int) -> Example {
        get throws {
            switch store {
            case .file(let file): try Example(json: file.line(places[index]))
            case .memory(let examples): examples[places[index]]
            }
        }
    }

    /// The number of the line in which an example stands, from 1 on.
    public func line(_ index: Int) -> Int {
        switch store {
        case .file(let file): file.number(ofLine: places[index])
        case .memory: places[index] + 1
        }
    }

    /// The path of the file; nil if there is none.
    package var path: String? { if case .file = store { name } else { nil } }

    /// The size of the file; 0 if there is none.
    package var byteCount: Int { if case .file(let file) = store { file.byteCount } else { 0 } }

    /// The same with some of the examples, in the order of `indices`.
    package func keeping(_ indices: some Sequence<Int>) -> Examples {
        var kept = self
        kept.places = indices.map { places[$0] }
        return kept
    }

    /// Equal for equal content, that of a file or of the same examples in the same order.
    package var contentDigest: String {
        get throws {
            switch store {
            case .file(let file): return try file.contentDigest
            case .memory(let examples):
                let encoder = JSONEncoder()
                encoder.outputFormatting = .sortedKeys
                var digest = ContentDigest()
                for example in examples { digest.add(try encoder.encode(example) + [UInt8(ascii: "\n")]) }
                return digest.finish()
            }
        }
    }
}

/// What to do about a line of a file that cannot be used.
public enum BadLines: Sendable {
    /// Throw, with the file, the line number and what is wrong.
    case stop
    /// Leave the line out and count it.
    case skip
}
