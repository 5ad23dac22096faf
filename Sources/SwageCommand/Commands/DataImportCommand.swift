#if Engines
import ArgumentParser
import Foundation
import Swage
import SwageFiles
import SwageText
import SwageWorkers

struct DataImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Write Parquet, Arrow or a dataset of the hub as JSON lines.",
        discussion: """
            Rows stream, and a file is there once it is whole. It needs Python's datasets and pyarrow, in an environment of their own: \
            swage setup data.

              swage data import HuggingFaceH4/ultrachat_200k:train_sft --output ultrachat.jsonl
              swage data import rows.parquet --columns prompt,completion --output rows.jsonl
            """)

    @Argument(
        help: .init(
            "A file of Parquet or Arrow, a folder of Parquet or of save_to_disk, or a name of the hub: org/name, with @revision and :split behind it.",
            valueName: "path or name"))
    var source: String

    @Option(help: .init("The file to write; nothing may be there.", valueName: "path"))
    var output: String

    @Option(help: .init("One of the dataset's configurations.", valueName: "name"))
    var subset: String?

    @Option(help: .init("The columns to write, with commas between. Default: all.", valueName: "names"))
    var columns: String?

    @Option(help: .init("The most rows to write. Default: all.", valueName: "n"))
    var limit: Int?

    func validate() throws {
        guard limit ?? 1 > 0 else { throw ValidationError("--limit is \(limit ?? 0); expected 1 or more.") }
        let names = columns?.split(separator: ",", omittingEmptySubsequences: false) ?? []
        guard Set(names).count == names.count, !names.contains("") else {
            throw ValidationError("--columns is \"\(columns ?? "")\"; expected different names with commas between.")
        }
    }

    func run() async throws {
        var rows = DataImport(try Self.place(of: source))
        if case .path = rows.source, let subset {
            throw UsageError("--subset is \"\(subset)\", and \(source) is no dataset of the hub", expected: "no --subset")
        }
        rows.subset = subset
        rows.columns = columns?.split(separator: ",").map(String.init)
        rows.limit = limit
        Interrupt.heed()
        let display = OpeningDisplay("importing", unit: "rows")
        defer { display.end() }
        let result = try await rows.write(to: output) { progress in
            // A cancellation ends the writing itself.
            try? display.show(progress.rows, of: progress.all)
        }
        display.end()
        for note in result.notes { writeToStandardError(note + "\n") }
        try printLine("\(output)  \(result.rows) rows")
    }

    /// Where a text says that rows are. A path that exists is a path.
    private static func place(of text: String) throws -> DataImport.Source {
        let files = FileManager.default
        if files.fileExists(atPath: text) {
            try requireImportable(text)
            return .path(text, split: nil)
        }
        if let colon = text.lastIndex(of: ":"), case let folder = String(text[..<colon]), files.fileExists(atPath: folder) {
            return .path(folder, split: String(text[text.index(after: colon)...]))
        }
        guard let name = try Hub.dataName(text) else { throw TrainerError(.inputOutput, "\(text) is not there") }
        return .hub(name)
    }

    private static func requireImportable(_ path: String) throws {
        let ending = (path as NSString).pathExtension.lowercased()
        guard !["jsonl", "ndjson", "json", "csv", "tsv", "gz"].contains(ending) else {
            throw UsageError("\(path) needs no import", expected: "the file itself, as --data \(path)")
        }
        var isFolder: ObjCBool = false
        guard ["parquet", "arrow", "feather"].contains(ending) || (FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue)
        else { throw UsageError("\(path) is of a kind that is not imported", expected: "Parquet, Arrow, or a folder of them") }
    }
}
#endif
