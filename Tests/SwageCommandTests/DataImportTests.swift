#if Engines
import Foundation
import Testing
import TestSupport

/// Where `swage setup data` puts what it installs.
private let environment =
    (ProcessInfo.processInfo.environment["SWAGE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory() + "/.swage") + "/environments/data"

/// `swage data import`, where `swage setup data` has been.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: environment + "/installed.txt")), .timeLimit(.minutes(10)))
struct DataImportTests {
    private static let making = """
        import sys, datetime, pyarrow as pa, pyarrow.parquet as pq
        chat = [{"role": "user", "content": "Grüße"}, {"role": "assistant", "content": "hi"}]
        rows = pa.table({"messages": [chat] * 3, "score": [1.5, float("nan"), None], "when": [datetime.date(2026, 1, 2)] * 3,
            "raw": [b"ab", b"cd", b"\\xff"]})
        pq.write_table(rows, sys.argv[1] + "/rows.parquet")
        with pa.ipc.new_file(sys.argv[1] + "/rows.arrow", rows.schema) as file: file.write_table(rows)
        with pa.ipc.new_stream(sys.argv[1] + "/stream.arrow", rows.schema) as file: file.write_table(rows)
        """

    private func makeRows(in directory: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: environment + "/bin/python")
        process.arguments = ["-c", Self.making, directory]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    @Test func parquetAndArrowBecomeJSONLines() async throws {
        try await withTemporaryDirectory { directory in
            try makeRows(in: directory)
            for name in ["rows.parquet", "rows.arrow", "stream.arrow"] {
                let output = "\(directory)/\(name).jsonl"
                let result = try Program.run("data", "import", "\(directory)/\(name)", "--columns", "messages,score,when", "--output", output)
                #expect(result.status == 0 && result.output.contains("3 rows"), "\(result.errors)")
                #expect(result.errors.contains("1 of score are no finite numbers"), "\(result.errors)")
                let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
                let chat = #"{"messages": [{"role": "user", "content": "Grüße"}, {"role": "assistant", "content": "hi"}], "score": "#
                #expect(lines == [#"\#(chat)1.5, "when": "2026-01-02"}"#, #"\#(chat)null, "when": "2026-01-02"}"#, #"\#(chat)null, "when": "2026-01-02"}"#])
                let again = try Program.run("data", "import", "\(directory)/\(name)", "--output", output)
                #expect(again.status == 1 && again.errors.contains("is there already"), "\(again.errors)")
            }
            let few = try Program.run("data", "import", directory + "/rows.parquet", "--limit", "2", "--output", directory + "/few.jsonl")
            #expect(few.status == 0 && few.output.contains("2 rows"), "\(few.errors)")
        }
    }

    @Test func whatCannotBeImportedLeavesNoFile() async throws {
        try await withTemporaryDirectory { directory in
            try makeRows(in: directory)
            try Data("PAR1 is how it begins".utf8).write(to: URL(fileURLWithPath: directory + "/odd.parquet"))
            for (name, options, words) in [
                ("rows.parquet", [], "row 3 has bytes that are no text in raw"), ("rows.parquet", ["--columns", "message"], "no column"),
                ("odd.parquet", [], "cannot be read"), ("none.parquet", [], "is not there"), ("rows.parquet", ["--subset", "a"], "--subset"),
                ("rows.parquet:train", [], "has no splits"),
            ] as [(String, [String], String)] {
                let output = directory + "/out.jsonl"
                let result = try Program.run(["data", "import", "\(directory)/\(name)", "--output", output] + options)
                #expect(result.status != 0 && result.errors.contains(words), "\(name) \(options): \(result.errors)")
                let left = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasPrefix("out") }
                #expect(left.isEmpty, "\(left)")
            }
        }
    }

    @Test func aSplitOfTheHubStreams() async throws {
        try await withTemporaryDirectory { directory in
            try makeRows(in: directory)
            let hub = try HubStandIn(in: directory)
            for split in ["train", "test"] {
                let rows = try Data(contentsOf: URL(fileURLWithPath: directory + "/rows.parquet"))
                try hub.write(rows, to: "datasets/org/rows/data/\(split)-00000-of-00001.parquet")
            }
            let output = directory + "/rows.jsonl"
            let result = try hub.run("data", "import", "org/rows:test", "--columns", "score", "--output", output)
            #expect(result.status == 0, "\(result.errors)")
            #expect(try String(contentsOfFile: output, encoding: .utf8) == "{\"score\": 1.5}\n{\"score\": null}\n{\"score\": null}\n")
            let other = try hub.run("data", "import", "org/rows:dev", "--output", directory + "/dev.jsonl")
            #expect(other.status == 1 && other.errors.contains("org/rows:dev cannot be read"), "\(other.errors)")
        }
    }
}
#endif
