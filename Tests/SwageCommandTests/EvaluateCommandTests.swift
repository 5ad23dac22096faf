import Foundation
import Swage
import Testing
import TestSupport

@Suite struct EvaluateCommandTests {
    /// Data and problems that take some batches, in a folder.
    private static func recipe(_ directory: String, more: String = "") throws -> String {
        let path = directory + "/recipe.yaml"
        try """
        model: \(Golden.decoder("llama"))
        chat_template: chatml
        data: \(try Program.writeData(directory, count: 300))
        sequence_length: 48
        arithmetic: 2
        limit: 300
        samples: 4
        pass_at: [1, 4]
        max_tokens: 12
        reward: finished
        concurrency: 4
        threads: 1
        \(more)
        """.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func object(_ text: String) throws -> NSDictionary {
        let last = try #require(text.split(separator: "\n").last)
        return try #require(JSONSerialization.jsonObject(with: Data(last.utf8)) as? NSDictionary)
    }

    private func lines(_ path: String) -> Int {
        ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n").count
    }

    @Test func anEvaluationCutOffInTheMiddleOfALineEndsAsTheUnbrokenOne() async throws {
        try await withTemporaryDirectory { directory in
            let recipe = try Self.recipe(directory)
            let (unbroken, broken) = (directory + "/unbroken", directory + "/broken")
            let whole = try Program.run("evaluate", recipe, "--output", unbroken, "--json")
            #expect(whole.status == 0, "\(whole.errors)")
            let arguments = ["evaluate", recipe, "--output", broken, "--json"]
            for file in ["losses.jsonl", "answers.jsonl"] {
                let size = try Data(contentsOf: URL(fileURLWithPath: "\(unbroken)/\(file)")).count
                // A file that grows beyond this ends the process, by a signal or an error, in the middle of a line.
                let process = Program.process(["--fsize=\(2 * size / 3)", Program.path] + arguments)
                process.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
                (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
                try process.run()
                process.waitUntilExit()
                try #require(process.terminationStatus != 0)
                #expect(lines("\(broken)/\(file)") > 10)
            }
            let last = try Program.run(arguments)
            #expect(last.status == 0 && last.errors.contains("accuracy: going on after"), "\(last.errors)")
            #expect(try object(last.output) == object(whole.output))
            #expect(try object(String(contentsOfFile: broken + "/result.json", encoding: .utf8)) == object(whole.output))
            for file in ["losses.jsonl", "answers.jsonl"] {
                #expect(FileManager.default.contentsEqual(atPath: "\(broken)/\(file)", andPath: "\(unbroken)/\(file)"), "\(file)")
            }
        }
    }

    @Test func ctrlCKeepsWhatIsMeasured() async throws {
        try await withTemporaryDirectory { directory in
            let recipe = try Self.recipe(directory, more: "output: \(directory)/out")
            let process = Program.process(["evaluate", recipe, "--limit", "1000000"])
            let errors = Pipe()
            process.standardError = errors
            try process.run()
            try await waitUntil("an answer is kept") { lines(directory + "/out/answers.jsonl") >= 1 || !process.isRunning }
            process.interrupt()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 130 && text.contains("The same command goes on"), "\(text)")
            #expect(lines(directory + "/out/answers.jsonl") >= 1)
        }
    }

    @Test func anotherEvaluationInTheFolderIsAnErrorUntilARestart() async throws {
        try await withTemporaryDirectory { directory in
            let recipe = try Self.recipe(directory, more: "output: \(directory)/out")
            try FileManager.default.createDirectory(atPath: directory + "/out", withIntermediateDirectories: true)
            try "a run's".write(toFile: directory + "/out/run.json", atomically: true, encoding: .utf8)
            #expect(try Program.run("evaluate", recipe, "--limit", "4").status == 0)
            let other = try Program.run("evaluate", recipe, "--limit", "5")
            #expect(other.status == 1 && other.errors.contains("begun with limit 4, not 5"), "\(other.errors)")
            #expect(try Program.run("evaluate", recipe, "--limit", "5", "--restart").status == 0)
            #expect(lines(directory + "/out/answers.jsonl") == 5)
            #expect(try String(contentsOfFile: directory + "/out/run.json", encoding: .utf8) == "a run's")
        }
    }

    @Test func aModelThatIsAnotherIsAnotherEvaluation() async throws {
        try await withTemporaryDirectory { directory in
            let model = directory + "/model"
            try FileManager.default.copyItem(atPath: Golden.decoder("llama"), toPath: model)
            let arguments = ["evaluate", try Self.recipe(directory), "--model", model, "--output", directory + "/out", "--limit", "2"]
            for _ in 0..<2 { #expect(try Program.run(arguments).status == 0) }
            // Written anew, it is the same; with other weights it is not.
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: 3600)], ofItemAtPath: model + "/model.safetensors")
            #expect(try Program.run(arguments).status == 0)
            let weights = URL(fileURLWithPath: model + "/model.safetensors")
            try (Data(contentsOf: weights).dropLast(400) + Data(repeating: 1, count: 400)).write(to: weights)
            let again = try Program.run(arguments)
            #expect(again.status == 1 && again.errors.contains("the model \(model) has changed since"), "\(again.errors)")
        }
    }
}
