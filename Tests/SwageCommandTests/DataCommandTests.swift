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

    @Test func whatIsTrainedByATemplateIsWrittenByItAndChangedNowhere() async throws {
        try await withTemporaryDirectory { directory in
            let path = try write([Self.chat, Self.chat, Self.chat], directory + "/rows.jsonl")
            let template = try write(
                ["{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"],
                directory + "/t.jinja")
            let run = ["sft", "--model", Golden.decoder("llama"), "--chat-template", template, "--data", path, "--output", directory + "/run"]
            func train(_ more: [String]) throws -> Program.Result {
                try Program.run(run + ["--sequence-length", "48", "--steps", "2", "--threads", "1"] + more)
            }
            let first = try train([])
            #expect(first.status == 0, "\(first.errors)")
            let shown = try Program.run("data", "show", path, "--model", directory + "/run/model")
            #expect(shown.output.contains("<user>Hi</s><assistant>⟦Ho"), "\(shown.output) \(shown.errors)")
            _ = try write(["{% for m in messages %}[{{ m.role }}]{{ m.content }}</s>{% endfor %}"], template)
            let changed = try train([])
            #expect(changed.status == 1 && changed.errors.contains("the chat template \(template) has changed"), "\(changed.errors)")
        }
    }

    @Test func whatIsHeldOutAndLearnedIsCounted() async throws {
        try await withTemporaryDirectory { directory in
            let other = #"{"messages": [{"role": "user", "content": "Ha"}, {"role": "assistant", "content": "Ho"}]}"#
            let (path, held) = (try write([Self.chat, other], directory + "/rows.jsonl"), try write([Self.chat], directory + "/held.jsonl"))
            let result = try Program.run(
                ["sft"] + Self.model + ["--data", path, "--held-out", held, "--output", directory + "/run", "--sequence-length", "48", "--steps", "1"])
            #expect(result.status == 0 && result.errors.contains("the row is in the training data as well (line 1)"), "\(result.errors)")
        }
    }

    @Test(arguments: [("dpo", [String]()), ("evaluate", ["--reward", "exact_match", "--max-tokens", "1"])])
    func whatATemplateLeavesOutIsSaidByEveryCommand(_ name: String, _ options: [String]) async throws {
        try await withTemporaryDirectory { directory in
            let asked = #"[{"role": "user", "content": "Hi", "name": "bob"}]"#
            let pair = #"{"prompt": \#(asked), "chosen": [{"role": "assistant", "content": "a"}], "rejected": [{"role": "assistant", "content": "b"}]}"#
            let path = try write([name == "dpo" ? pair : #"{"messages": \#(asked), "answer": "4"}"#], directory + "/rows.jsonl")
            let data = name == "dpo" ? ["--data", path, "--output", directory + "/run", "--steps", "1", "--pairs-per-step", "1"] : ["--problems", path]
            let result = try Program.run([name] + Self.model + data + options)
            #expect(result.status == 0 && result.errors.contains(#"leaves out "name" of a message of the user"#), "\(result.errors)")
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

    @Test func problemsComeFromFoldersTablesAndSeveralFilesWithWeights() async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory + "/more", withIntermediateDirectories: true)
            let lines = try write([Self.problem], directory + "/more/lines.jsonl")
            let list = try write(
                ["[\(Self.problem), {\"messages\": [{\"role\": \"user\", \"content\": \"1?\"}], \"solution\": \"1\"}]"], directory + "/list.json")
            let table = try write(["question,right", "3 + 3?,6"], directory + "/table.csv")
            let run = ["evaluate"] + Self.model + ["--max-tokens", "2", "--problems"]
            let several = try Program.run(run + [directory + "/more", list + "*2"])
            #expect(several.status == 0 && several.output.contains("on 5 problems"), "\(several)")
            #expect(several.errors.contains("read as problems: prompt, answer"), "\(several.errors)")
            let mapped = try Program.run(run + [lines, "--map", "prompt=question"])
            #expect(mapped.status == 1 && mapped.errors.contains("no row of \(lines) has \"question\""), "\(mapped.errors)")
            let both = try Program.run(run + [table, "--data", lines.replacing("lines", with: "chats"), "--map", "prompt=question", "answer=right"])
            #expect(both.status == 1 && both.errors.contains("chats.jsonl"), "\(both.errors)")
            let chats = try write([Self.chat], directory + "/chats.jsonl")
            let good = try Program.run(run + [table, "--data", chats, "--sequence-length", "64", "--map", "prompt=question", "answer=right"])
            #expect(good.status == 0 && good.output.contains("on 1 problems"), "\(good)")
        }
    }

    @Test func rowsOfOtherKindsAreRefusedWithWhatIsNearAndWhatToDo() async throws {
        try await withTemporaryDirectory { directory in
            let unpaired = try write(
                [#"{"prompt": "a", "completion": "b", "label": false}"#, #"{"prompt": "a", "completion": "c", "label": true}"#], directory + "/kto.jsonl")
            func run(_ command: String, _ data: String, _ more: String...) throws -> Program.Result {
                try Program.run([command] + Self.model + ["--data", data, "--output", "\(directory)/\(UUID())", "--steps", "1"] + more)
            }
            let pairs = try run("dpo", unpaired, "--pairs-per-step", "1")
            #expect(pairs.status == 1 && pairs.errors.contains("unpaired preference"), "\(pairs.errors)")
            let learned = try run("sft", unpaired, "--sequence-length", "48")
            #expect(learned.status == 1 && learned.errors.contains("line 1") && learned.errors.contains("people reject"), "\(learned.errors)")
            let liked = try run("sft", unpaired, "--sequence-length", "48", "--skip-bad-lines")
            #expect(
                liked.status == 0 && liked.errors.contains("2 rows: 1 whole, 0 cut, 1 left out") || liked.errors.contains("2 rows: 1 whole, 1 left out"),
                "\(liked.errors)")
            #expect(!liked.errors.contains("--skip-bad-lines"), "\(liked.errors)")
            let near = try run("dpo", try write([#"{"prompt": "a", "chosen": "b", "worse": "c"}"#], directory + "/near.jsonl"))
            #expect(near.errors.contains("\"rejected\" is missing") && near.errors.contains("--map rejected=worse"), "\(near.errors)")
            let problems = try run("grpo", try write([#"{"question": "a", "answer": "b"}"#], directory + "/problems.jsonl"))
            #expect(problems.errors.contains("--map prompt=question"), "\(problems.errors)")
        }
    }

    @Test func whoeverReadsNoFurtherEndsTheCommandQuietly() async throws {
        try await withTemporaryDirectory { directory in
            let data = try write(Array(repeating: Self.chat, count: 4000), directory + "/chats.jsonl")
            let command = "\"$0\" data show \(data) --model \(Golden.decoder("llama")) --chat-template chatml --limit 4000 | head -n 4"
            let process = Program.process(["-c", command, Program.path])
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            let result = try Program.run(process)
            #expect(result.status == 0 && result.output.contains("is read as") && !result.errors.contains("swage:"), "\(result)")
        }
    }
}
