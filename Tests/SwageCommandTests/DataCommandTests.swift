import Foundation
import Testing
import TestSupport

/// What the program says of the rows of its data.
@Suite(.timeLimit(.minutes(30))) struct DataCommandTests {
    private static let model = ["--model", Golden.decoder("llama"), "--chat-template", "chatml", "--threads", "1"]

    private func data(_ output: String) throws -> [[String: Any]] {
        let last = try #require(output.split(separator: "\n").last)
        let object = try #require(JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])
        return try #require(object["data"] as? [[String: Any]], "\(output)")
    }

    private func write(_ lines: [String], _ path: String) throws -> String {
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private static let chat = #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}], "id": 1}"#
    private static let odd = #"{"messages": [{"role": "wizard", "content": "x"}, {"role": "assistant", "content": "Ho"}]}"#
    private static let pair = #"{"prompt": "a", "chosen": " b", "rejected": " c"}"#
    private static let problem = #"{"prompt": "2 + 2?", "answer": "4"}"#

    private static let commands: [(name: String, good: String, bad: String, options: [String])] = [
        ("sft", chat, odd, ["--steps", "2", "--sequence-length", "48"]),
        ("dpo", pair, #"{"prompt": [{"role": "wizard", "content": "x"}], "chosen": "a", "rejected": "b"}"#, ["--steps", "1", "--pairs-per-step", "2"]),
        (
            "grpo", problem, #"{"prompt": "2 + 2?", "target": "4"}"#,
            ["--steps", "1", "--problems-per-rollout", "1", "--group-size", "2", "--max-tokens", "2", "--reward", "exact_match", "--show-every", "0"]
        ),
    ]

    @Test(arguments: commands.indices) func aBadRowIsSaidBeforeTheFirstStepOrLeftOutAndCounted(_ index: Int) async throws {
        let (name, good, bad, options) = Self.commands[index]
        try await withTemporaryDirectory { directory in
            let path = try write([good, good, "", bad, good], directory + "/rows.jsonl")
            func run(_ output: String, _ more: [String] = []) throws -> Program.Result {
                try Program.run([name] + Self.model + ["--data", path, "--output", "\(directory)/\(output)", "--json"] + options + more)
            }
            let stopped = try run("stopped")
            #expect(stopped.status == 1 && stopped.errors.contains("rows.jsonl, line 4"), "\(stopped.errors)")
            #expect(!FileManager.default.fileExists(atPath: directory + "/stopped/metrics.jsonl"))
            let skipped = try run("skipped", ["--skip-bad-lines"])
            #expect(skipped.status == 0 && skipped.errors.contains("4 rows: 3 whole, 1 left out"), "\(skipped.errors)")
            let report = try data(skipped.output)[0]
            #expect(report["rows"] as? Int == 4 && report["whole"] as? Int == 3, "\(report)")
        }
    }

    @Test func evaluateCountsTheRowsOfBothItsFiles() async throws {
        try await withTemporaryDirectory { directory in
            let examples = try write([Self.chat, Self.odd], directory + "/examples.jsonl")
            let problems = try write([Self.problem, #"{"prompt": "3?"}"#], directory + "/problems.jsonl")
            let result = try Program.run(
                ["evaluate"] + Self.model + ["--data", examples, "--problems", problems, "--max-tokens", "2", "--skip-bad-lines", "--json"])
            #expect(result.status == 0, "\(result.errors)")
            for report in try data(result.output) {
                #expect(report["rows"] as? Int == 2 && report["whole"] as? Int == 1, "\(report)")
            }
            #expect(result.errors.contains(#"the key "id" is not read (line 1)"#), "\(result.errors)")
        }
    }

    @Test func aHeldOutFileThatIsSmallerThanTheLimitIsAskedOnce() async throws {
        try await withTemporaryDirectory { directory in
            let problems = try write(Array(repeating: Self.problem, count: 3), directory + "/problems.jsonl")
            let result = try Program.run(
                ["evaluate"] + Self.model + ["--problems", problems, "--limit", "50", "--max-tokens", "2"])
            #expect(result.status == 0 && result.output.contains("on 3 problems"), "\(result.output) \(result.errors)")
        }
    }
}
