import Foundation
import Testing
import TestSupport

/// What a command does to the folder that it is given, and to everything beside it.
@Suite(.timeLimit(.minutes(30))) struct RunFolderCommandTests {
    private func run(_ arguments: [String], in directory: String) throws -> Program.Result {
        let process = Program.process(arguments, in: directory)
        let (output, errors) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (output, errors)
        try process.run()
        let outputText = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let errorText = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return .init(status: process.terminationStatus, output: outputText, errors: errorText)
    }

    /// Every file below a folder, with its size.
    private func files(_ directory: String) throws -> [String: Int] {
        var found: [String: Int] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: directory)! {
            found[name] = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(name)")[.size] as? Int
        }
        return found
    }

    /// A folder in which somebody works: a model, data, and a folder `data` with more.
    private func withWorkplace(_ body: (String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.copyItem(atPath: Golden.decoder("llama"), toPath: directory + "/model")
            let data = try Program.writeData(directory)
            try FileManager.default.createDirectory(atPath: directory + "/data", withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: data, toPath: directory + "/data/train.jsonl")
            try await body(directory)
        }
    }

    @Test(arguments: ["", " ", "/", ".//", "."], [false, true])
    func anOutputThatIsNoFolderOfItsOwnLosesNothing(_ output: String, _ restarts: Bool) async throws {
        try await withWorkplace { directory in
            let before = try files(directory)
            let arguments = ["--model", "model", "--data", "data/train.jsonl", "--steps", "1", "--output", output] + (restarts ? ["--restart"] : [])
            for command in [["sft"], ["grpo", "--chat-template", "chatml"]] {
                let result = try run(command + arguments, in: directory)
                #expect([1, 64].contains(result.status) && result.errors.contains("expected"), "\(result.errors)")
                #expect(try files(directory) == before)
            }
        }
    }

    @Test func anEmptyOutputOfARecipeIsRefused() async throws {
        try await withWorkplace { directory in
            let recipe = directory + "/recipe.yaml"
            try "model: model\ndata: data.jsonl\noutput: ''\nsteps: 1\n".write(toFile: recipe, atomically: true, encoding: .utf8)
            let before = try files(directory)
            for more in [[], ["--restart"]] {
                let result = try run(["sft", "recipe.yaml"] + more, in: directory)
                #expect(result.status != 0 && result.errors.contains("output"), "\(result.errors)")
                #expect(try files(directory) == before)
            }
        }
    }

    @Test func aModelIsNotReplacedByTheResultBesideIt() async throws {
        try await withWorkplace { directory in
            let before = try files(directory)
            for output in [".", "model", "model/run"] {
                let result = try run(["sft", "--model", "model", "--data", "data.jsonl", "--steps", "1", "--output", output, "--restart"], in: directory)
                #expect(result.status == 1 && result.errors.contains("the model model"), "\(result.errors)")
                #expect(try files(directory) == before)
            }
            let evaluation = try run(["evaluate", "--model", "model", "--data", "data.jsonl", "--output", "model"], in: directory)
            #expect(evaluation.status == 1 && evaluation.errors.contains("lies in the model model"), "\(evaluation.errors)")
        }
    }

    @Test func aRestartThatCannotBeginRemovesNothing() async throws {
        try await withWorkplace { directory in
            let output = directory + "/run"
            #expect(try Program.run(Program.tinyRun(directory + "/data.jsonl", output, steps: 2)).status == 0)
            let before = try files(output)
            let result = try Program.run(Program.tinyRun(directory + "/nothing.jsonl", output, steps: 2) + ["--restart"])
            #expect(result.status == 1 && result.errors.contains("nothing.jsonl"), "\(result.errors)")
            #expect(try files(output) == before)
        }
    }

    @Test func aRestartNamesWhatItLeaves() async throws {
        try await withWorkplace { directory in
            let output = directory + "/run"
            let arguments = Program.tinyRun(directory + "/data.jsonl", output, steps: 2)
            #expect(try Program.run(arguments).status == 0)
            try "mine".write(toFile: output + "/checkpoints/notes", atomically: true, encoding: .utf8)
            let again = try Program.run(arguments + ["--restart"])
            #expect(again.status == 0 && again.errors.components(separatedBy: "checkpoints/notes").count == 2, "\(again.errors)")
            #expect(try String(contentsOfFile: output + "/checkpoints/notes", encoding: .utf8) == "mine")
        }
    }

    @Test func ofTwoRunsInOneFolderTheSecondIsRefused() async throws {
        try await withWorkplace { directory in
            let output = directory + "/run"
            let first = Program.process(Program.tinyRun(directory + "/data.jsonl", output, steps: 1_000_000))
            (first.standardOutput, first.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
            try first.run()
            defer { first.terminate() }
            let begun = ContinuousClock.now
            while !FileManager.default.fileExists(atPath: output + "/metrics.jsonl"), begun.duration(to: .now) < .seconds(60) {
                try await Task.sleep(for: .milliseconds(20))
            }
            for more in [[], ["--restart"]] {
                let second = try Program.run(Program.tinyRun(directory + "/data.jsonl", output, steps: 1_000_000) + more)
                #expect(second.status == 1 && second.errors.contains("in use by process \(first.processIdentifier) on"), "\(second.errors)")
            }
            #expect(first.isRunning)
            kill(first.processIdentifier, SIGKILL)
            first.waitUntilExit()
            #expect(FileManager.default.fileExists(atPath: output + "/run.lock"))
            let third = try Program.run(Program.tinyRun(directory + "/data.jsonl", output, steps: 3) + ["--restart"])
            #expect(third.status == 0 && !FileManager.default.fileExists(atPath: output + "/run.lock"), "\(third.errors)")
        }
    }

    @Test func aProfileIsListedAndRemovedWithItsRun() async throws {
        try await withWorkplace { directory in
            let output = directory + "/run"
            let arguments = Program.tinyRun(directory + "/data.jsonl", output, steps: 2) + ["--profile"]
            #expect(try Program.run(arguments).status == 0)
            let profile = try Data(contentsOf: URL(fileURLWithPath: output + "/profile.json"))
            // Nothing is done, and the profile stays that of the run.
            #expect(try Program.run(arguments).status == 0)
            #expect(try Data(contentsOf: URL(fileURLWithPath: output + "/profile.json")) == profile)
            #expect(try String(contentsOfFile: output + "/run.json", encoding: .utf8).contains("profile.json"))
            let again = try Program.run(Program.tinyRun(directory + "/data.jsonl", output, steps: 2) + ["--restart"])
            #expect(again.status == 0 && !FileManager.default.fileExists(atPath: output + "/profile.json"), "\(again.errors)")
        }
    }
}
