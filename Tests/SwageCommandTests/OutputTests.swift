import Foundation
import Testing
import TestSupport

/// Output that cannot be written ends no work, and a result that nobody gets is no success.
@Suite(.timeLimit(.minutes(20))) struct OutputTests {
    /// Runs the program with a shell's redirections.
    private func run(_ redirections: String, _ arguments: [String]) throws -> Program.Result {
        let process = Program.process(["-c", "exec \"$0\" \"$@\" \(redirections)", Program.path] + arguments)
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        return try Program.run(process)
    }

    /// Two names that are no text would be one.
    @Test func aNameThatIsNoTextIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            let process = Program.process(["-c", "exec \"$0\" sft --output \"$(printf 'run\\344')\"", Program.path], in: directory)
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            let result = try Program.run(process)
            #expect(result.status == 64 && result.errors.contains("word 3 of the command, run"), "\(result)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
        }
    }

    private func hasCheckpoint(_ output: String, step: Int) -> Bool {
        FileManager.default.fileExists(atPath: "\(output)/checkpoints/step-\(step)/checkpoint.json")
            && FileManager.default.fileExists(atPath: "\(output)/report.json")
    }

    @Test(arguments: ["2>/dev/full", "2>&-", "<&- 2>&-"]) func aRunWhoseLogCannotBeWrittenIsARun(_ redirections: String) async throws {
        try await withTemporaryDirectory { directory in
            let data = try Program.writeData(directory)
            let result = try run(redirections, Program.tinyRun(data, directory + "/run", steps: 5))
            #expect(result.status == 0, "\(result)")
            #expect(result.output.contains("over 5 steps") && hasCheckpoint(directory + "/run", step: 5))
        }
    }

    @Test(arguments: [">/dev/full", ">&-", "<&- >&-", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
    func aRunWhoseResultCannotBePrintedTrainsAndSaysSo(_ redirections: String) async throws {
        try await withTemporaryDirectory { directory in
            let data = try Program.writeData(directory)
            let result = try run(redirections, Program.tinyRun(data, directory + "/run", steps: 5))
            #expect(result.status == 1)
            #expect(hasCheckpoint(directory + "/run", step: 5))
            let isTold = result.errors.contains("standard output cannot be written") && result.errors.contains("/run/report.json")
            #expect(isTold || redirections.contains("2>"), "\(result.errors)")
        }
    }

    @Test func aReaderThatGoesEndsNothing() async throws {
        try await withTemporaryDirectory { directory in
            let data = try Program.writeData(directory)
            _ = try run("2>&1 | head -n 1", Program.tinyRun(data, directory + "/run", steps: 40))
            #expect(hasCheckpoint(directory + "/run", step: 40))
        }
    }

    private static let commands = [
        ["--help"], ["--version"], ["sft", "--help"], ["help", "grpo"], ["--generate-completion-script", "bash"],
        ["inspect", Golden.decoder("llama")], ["inspect", Golden.decoder("llama"), "--json"],
    ]
    private static let writing = [
        "generate", "--model", Golden.decoder("llama"), "--prompt", "Hi", "--raw", "--max-tokens", "8", "--threads", "1",
    ]

    @Test(arguments: commands + [writing, writing + ["--json"]], [">/dev/full", ">&-"])
    func whatCannotBePrintedIsAnError(_ command: [String], _ redirections: String) throws {
        let result = try run(redirections, command)
        #expect(result.status == 1, "\(result)")
        #expect(result.errors.contains("standard output cannot be written"), "\(result.errors)")
        #expect(try run("", command).status == 0)
    }

    @Test func anEvaluationThatCannotBePrintedIsAnErrorThatSaysWhereItLies() async throws {
        try await withTemporaryDirectory { directory in
            let data = try Program.writeData(directory)
            let command = ["evaluate", "--model", Golden.decoder("llama"), "--data", data, "--sequence-length", "48", "--threads", "1"]
            let result = try run(">/dev/full", command + ["--output", directory + "/out"])
            #expect(result.status == 1 && result.errors.contains("/out/result.json"), "\(result.errors)")
            #expect(FileManager.default.fileExists(atPath: directory + "/out/result.json"))
        }
    }

    /// A file may grow no further than checkpoints do: what fails is the record of the steps, after some thousands.
    @Test func metricsThatCannotBeWrittenAreAnErrorAfterASaveAndTheSameCommandGoesOn() async throws {
        try await withTemporaryDirectory { directory in
            let data = try Program.writeData(directory)
            let (whole, broken) = (directory + "/whole", directory + "/broken")
            #expect(try Program.run(Program.tinyRun(data, whole, steps: 3000)).status == 0)
            let metrics = try String(contentsOfFile: whole + "/metrics.jsonl", encoding: .utf8)
            let limit = try Self.largestFile(whole + "/checkpoints/step-3000") + 1000
            try #require(metrics.utf8.count > limit + 5000, "3000 steps are too few to outgrow a checkpoint of \(limit) bytes")

            let arguments = Program.tinyRun(data, broken, steps: 3000)
            let process = Program.process(["--fsize=\(limit)", Program.path] + arguments)
            process.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
            let failed = try Program.run(process)
            #expect(failed.status == 1)
            #expect(failed.errors.contains("metrics.jsonl cannot be written") && failed.errors.contains("is saved at"), "\(failed.errors)")

            let result = try Program.run(arguments)
            #expect(result.status == 0 && result.errors.contains("Going on from step"), "\(result.errors)")
            #expect(try Self.losses(broken) == Self.losses(whole))
        }
    }

    private static func largestFile(_ folder: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: folder).map {
            (try FileManager.default.attributesOfItem(atPath: "\(folder)/\($0)")[.size] as? NSNumber)?.intValue ?? 0
        }.max() ?? 0
    }

    private struct Line: Decodable, Equatable {
        var step: Int
        var loss: Double
    }

    private static func losses(_ output: String) throws -> [Line] {
        try String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }
}
