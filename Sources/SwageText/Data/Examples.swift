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

/// The examples of files, or of any collection.
///
/// Files hold JSON lines, a JSON array, or CSV or TSV under a header, also compressed by gzip. Opening them checks every row
/// once, on all cores, and remembers where the good ones begin; an example is read when it is asked for.
///
/// ```swift
/// let file = try Examples<TrainingExample>(path: "chats.jsonl")
/// let both = try Examples<TrainingExample>(sources: [DataSource("chats.jsonl*3"), DataSource("more/")])
/// let own = try Examples(chats.map { TrainingExample.chat(Chat($0)) })
/// ```
public struct Examples<Example: JSONLineDecodable>: Sendable {
    /// The path of the file, as it was given; of several what they are, and of others what they were called.
    public let name: String
    /// What is done about rows that cannot be used: those that cannot be read, and later those that cannot be tokenized.
    public let badLines: BadLines
    /// What is known before any example is used: bad rows are counted as left out, all others as not looked at.
    public internal(set) var report: DataReport
    /// How many rows were left out.
    public let skippedCount: Int
    /// The first hundred of the rows that were left out, each with its place and what is wrong.
    public let skipped: [String]

    let store: Store
    /// Which keys of the rows stand for which.
    private let map: RowMap?
    /// The entries of the map that no row has anything for.
    package let idleMapEntries: Set<Int>
    /// Where each example is in the store; nil if all are there in their order.
    private var places: [Int]?

    enum Store {
        case files(RowFiles)
        case memory([Example])
    }

    /// The number of examples: the rows of one pass over the data.
    public var count: Int {
        if let places { return places.count }
        return switch store {
        case .files(let files): files.count
        case .memory(let examples): examples.count
        }
    }

    /// Opens a file, or all files of data in a folder.
    /// - Throws: ``Swage/TrainerError`` as ``init(sources:badLines:weightSeed:progress:)`` does.
    public init(path: String, badLines: BadLines = .stop) throws {
        try self.init(sources: [DataSource(unchecked: path)], badLines: badLines)
    }

    /// Opens a file, or all files of data in a folder.
    /// - Throws: ``Swage/TrainerError`` as ``init(path:badLines:)`` does, and `invalidOption` for what is no place on disk.
    public init(url: URL, badLines: BadLines = .stop) throws { try self.init(path: try url.filePath, badLines: badLines) }

    /// Opens files, folders and what is piped in, one after another.
    ///
    /// What is compressed or piped in is unpacked to a temporary file, which needs room on the disk.
    /// - Parameters:
    ///   - badLines: what is done about rows that cannot be used.
    ///   - map: which keys and roles of the rows stand for which; nil where they are as they are read.
    ///   - weightSeed: draws the rows that come once more where a weight has a fraction.
    ///   - progress: told from time to time how many bytes have been read, and of how many: for each compressed file while it
    ///     is unpacked, and then for all files together. May be called on any thread, one call at a time. An error that it
    ///     throws ends the opening.
    /// - Throws: ``Swage/TrainerError`` with code `inputOutput` if a file cannot be read, `corruptFile` for a damaged archive,
    ///   `tooLarge` where there is no room for what is unpacked, `invalidOption` for sources that come twice or are none, and
    ///   `invalidData` for a row that cannot be used or a file without examples. `CancellationError` if the task was cancelled.
    public init(
        sources: [DataSource], badLines: BadLines = .stop, map: RowMap? = nil, weightSeed: UInt64 = 0,
        progress: (@Sendable (_ done: Int, _ all: Int) throws -> Void)? = nil
    ) throws {
        try self.init(
            sources: sources, badLines: badLines, map: map, weightSeed: weightSeed, standardInput: STDIN_FILENO, progress: progress)
        try map?.requireEffect(on: [(name, idleMapEntries)])
    }

    /// The same, without a look at what the map has an effect on: ``idleMapEntries`` says that.
    /// - Parameters:
    ///   - standardInput: where `-` reads.
    ///   - freeBytes: how much room there is on the disk where a file lies.
    package init(
        sources: [DataSource], badLines: BadLines = .stop, map: RowMap? = nil, weightSeed: UInt64 = 0, standardInput: Int32,
        freeBytes: @escaping @Sendable (Int32) -> Int = Examples.freeBytes,
        progress: (@Sendable (_ done: Int, _ all: Int) throws -> Void)? = nil
    ) throws {
        name = DataSource.name(of: sources)
        (self.badLines, self.map) = (badLines, map)
        let used = map.map { RowMap.Use($0) }
        let opened = try RowFiles(sources, standardInput: standardInput, freeBytes: freeBytes, progress: progress ?? { _, _ in })
        let result = try ExampleOpening(opened, name: name, badLines: badLines).check(progress: progress ?? { _, _ in }) { json in
            var notes: [String] = []
            _ = try Example(json: used?.apply(to: json) ?? json, notes: &notes)
            return notes
        }
        idleMapEntries = used?.idle ?? []
        places = try result.files.pass(seed: weightSeed)
        store = .files(result.files)
        (skipped, skippedCount) = (result.skipped, result.report.leftOutRows)
        var report = result.report
        report.unseen = places?.count ?? result.files.count
        report.rows = report.unseen + skippedCount
        self.report = report
    }

    /// Takes the examples of a collection, in its order.
    /// - Parameters:
    ///   - examples: one or more. They are looked at as those of a file are, once they are used.
    ///   - name: what reports and errors call them; a "line" there is the number of an example, from 1 on.
    ///   - badLines: what is done about those that cannot be tokenized.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if there are none.
    public init(_ examples: some Collection<Example>, name: String = "the examples", badLines: BadLines = .stop) throws {
        guard !examples.isEmpty else { throw TrainerError(.invalidData, "\(name) are none", expected: "at least one") }
        (self.name, self.badLines, map, skipped, skippedCount, idleMapEntries) = (name, badLines, nil, [], 0, [])
        (store, places) = (.memory(Array(examples)), nil)
        var report = DataReport(path: name)
        (report.rows, report.unseen) = (examples.count, examples.count)
        self.report = report
    }

    package static var freeBytes: @Sendable (Int32) -> Int { Spool.freeBytes }

    /// Where an example is in the store.
    func place(of index: Int) -> Int { places?[index] ?? index }

    /// The example at `index` among the good rows.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` if the row is not what it was when the file was opened.
    public subscript(index: Int) -> Example {
        get throws {
            switch store {
            case .files(let files):
                let json = try files.json(place(of: index))
                return try Example(json: map.map { RowMap.Use($0) }?.apply(to: json) ?? json)
            case .memory(let examples): return examples[place(of: index)]
            }
        }
    }

    /// The number of the line in which an example stands, from 1 on, or of the record in a list.
    ///
    /// The lines of several files are counted on from one to the next; ``place(_:)`` says where an example is to a reader.
    public func line(_ index: Int) -> Int {
        switch store {
        case .files(let files): files.number(place(of: index))
        case .memory: place(of: index) + 1
        }
    }

    /// Where an example stands, as errors say it: `b.jsonl, line 3`.
    public func place(_ index: Int) -> String {
        switch store {
        case .files(let files): files.place(place(of: index))
        case .memory: "\(name), line \(place(of: index) + 1)"
        }
    }

    /// The path of the file, or the sources as they were given; nil if there are none.
    package var path: String? { if case .files = store { name } else { nil } }

    /// The size of the files; 0 if there are none.
    package var byteCount: Int { if case .files(let files) = store { files.byteCount } else { 0 } }

    /// The same with some of the examples, in the order of `indices`.
    package func keeping(_ indices: some Sequence<Int>) -> Examples {
        var kept = self
        kept.places = indices.map { place(of: $0) }
        return kept
    }

    /// Equal for equal content, that of files with their weights or of the same examples in the same order.
    package var contentDigest: String {
        get throws {
            switch store {
            case .files(let files): return try files.contentDigest
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
