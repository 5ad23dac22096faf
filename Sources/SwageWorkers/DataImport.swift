#if Engines
import Foundation
import Swage
package import SwageFiles
import Synchronization

/// The rows of a dataset, of kinds that are not read here, as JSON lines: Python's `datasets` and pyarrow write them.
package struct DataImport: Sendable {
    /// Where the rows are.
    package enum Source: Sendable {
        /// A file of Parquet or Arrow, a folder of Parquet, or one that `save_to_disk` has written, with a split if it has some.
        case path(String, split: String?)
        /// A dataset of the hub, a split behind its name.
        case hub(HubName)
    }

    /// How far it is.
    package struct Progress: Sendable {
        package var rows: Int
        /// Nil where nobody knows.
        package var all: Int?
    }

    package var source: Source
    /// One of the dataset's configurations.
    package var subset: String?
    /// Nil for all.
    package var columns: [String]?
    /// The most rows; nil for all.
    package var limit: Int?

    /// All rows of a dataset.
    package init(_ source: Source) { self.source = source }

    /// Writes the rows to a file that is not there yet, and gives it its name once it is whole.
    /// - Parameter tell: told how far it is, from any thread.
    /// - Returns: the number of rows, and what there is to say of them.
    /// - Throws: ``Swage/TrainerError``; `CancellationError`.
    package func write(to output: String, tell: @escaping @Sendable (Progress) -> Void) async throws -> (rows: Int, notes: [String]) {
        let environment = WorkerEnvironment("data")
        try environment.requireInstalled()
        return try await AtomicDirectory.addFile(output) { partial in
            let request = Request(self, output: partial)
            let line = try JSONEncoder().encode(request) + Data("\n".utf8)
            let answer = try await ImportProcess(environment).run(line, tell: tell)
            return (answer.rows ?? 0, answer.notes ?? [])
        }
    }

    /// What `swage_worker.import_rows` reads.
    private struct Request: Encodable {
        var output: String
        var path, name, revision, subset, split: String?
        var columns: [String]?
        var limit: Int?

        init(_ wanted: DataImport, output: String) {
            self.output = output
            switch wanted.source {
            case .path(let path, let split): (self.path, self.split) = (path, split)
            case .hub(let name): (self.name, revision, split) = (name.repository, name.revision, name.part)
            }
            (subset, columns, limit) = (wanted.subset, wanted.columns, wanted.limit)
        }
    }
}

/// Python while it writes rows. It ends when its input does, and so with this process.
private final class ImportProcess: Sendable {
    /// One line of what it says.
    struct Answer: Decodable, Sendable {
        var rows, all: Int?
        var notes: [String]?
        var error, expected: String?
    }

    private struct State {
        var rest = Data()
        var last: Answer?
        var errors = Data()
    }

    private let state = Mutex(State())
    private let environment: WorkerEnvironment

    init(_ environment: WorkerEnvironment) { self.environment = environment }

    func run(_ line: Data, tell: @escaping @Sendable (DataImport.Progress) -> Void) async throws -> Answer {
        let (input, output, errors) = (Pipe(), Pipe(), Pipe())
        let process = Process()
        process.executableURL = URL(literalPath: environment.python)
        process.arguments = ["-m", "swage_worker.import_rows"]
        process.environment = environment.importEnvironment
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, errors)
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        output.fileHandleForReading.readToEnd({ [self] in take($0, tell) }, end: { end.finish() })
        errors.fileHandleForReading.readToEnd { [self] data in state.withLock { $0.errors.append(data) } }
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: line)
        await withTaskCancellationHandler {
            for await _ in ended {}
        } onCancel: {
            try? input.fileHandleForWriting.close()
        }
        process.waitUntilExit()
        try Task.checkCancellation()
        let (last, text) = state.withLock { ($0.last, String(decoding: $0.errors, as: UTF8.self)) }
        if let error = last?.error { throw TrainerError(.invalidData, error, expected: last?.expected) }
        guard process.terminationStatus == 0, let last else {
            let lines = text.split(separator: "\n").suffix(5).joined(separator: "\n")
            throw TrainerError(.engineFailed, "Python ended with status \(process.terminationStatus) while it wrote rows:\n\(lines)")
        }
        return last
    }

    private func take(_ data: Data, _ tell: @Sendable (DataImport.Progress) -> Void) {
        let answers = state.withLock { state in
            state.rest.append(data)
            var lines = state.rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            state.rest = Data(lines.removeLast())
            let answers = lines.compactMap { try? JSONDecoder().decode(Answer.self, from: $0) }
            state.last = answers.last ?? state.last
            return answers
        }
        for answer in answers { if let rows = answer.rows { tell(.init(rows: rows, all: answer.all)) } }
    }
}
#endif
