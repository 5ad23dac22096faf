import Foundation
import Testing
import TestSupport

@Suite struct CommandTests {
    private func object(_ text: String) throws -> [String: Any] {
        let last = try #require(text.split(separator: "\n").last)
        return try #require(JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])
    }

    @Test func sftTrainsExportsAndSaysSoAsJSON() async throws {
        try await withTemporaryDirectory { directory in
            let data = try Program.writeData(directory)
            let arguments = Program.tinyRun(data, directory + "/run", steps: 30) + ["--held-out", data, "--json"]
            let result = try Program.run(arguments)
            #expect(result.status == 0, "\(result.errors)")
            let report = try object(result.output)
            let before = try #require(report["heldOutLossBefore"] as? Double)
            let after = try #require(report["heldOutLossAfter"] as? Double)
            #expect(after < before)
            #expect(report["steps"] as? Int == 30)
            #expect(report["tokensPerSecond"] as? Double ?? 0 > 0)
            for key in ["checkpoint", "exported"] {
                let path = try #require(report[key] as? String)
                #expect(FileManager.default.fileExists(atPath: path + "/model.safetensors"))
            }
            // Run again: it is done, and says the same.
            let again = try Program.run(arguments)
            #expect(again.status == 0)
            #expect(try object(again.output) as NSDictionary == report as NSDictionary)
        }
    }

    @Test func aRecipesKeysAreFlagsAndTypedFlagsCountMore() async throws {
        try await withTemporaryDirectory { directory in
            let data = try Program.writeData(directory)
            let recipe = directory + "/recipe.yaml"
            try """
            model: \(Golden.decoder("qwen3"))
            data: \(data)
            output: \(directory)/run
            steps: 50
            sequence_length: 32
            packing: false
            schedule: linear
            """.write(toFile: recipe, atomically: true, encoding: .utf8)
            let result = try Program.run("sft", recipe, "--steps", "3")
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("over 3 steps"))
            let run = try String(contentsOfFile: directory + "/run/run.json", encoding: .utf8)
            #expect(run.contains(#""packing" : "false""#) && run.contains(#""schedule" : "linear""#))

            let other = try Program.run("sft", recipe, "--steps", "4")
            #expect(other.status == 1)
            #expect(other.errors.contains("begun with steps 3, not 4"), "\(other.errors)")
            #expect(try Program.run("sft", recipe, "--steps", "4", "--restart").status == 0)
        }
    }

    @Test(arguments: [
        ("stepz: 5\n", "stepz"), ("steps: [1, 2]\n", "a list"), ("steps: many\n", "many"), (": :\n  - {", "YAML"),
        ("just text\n", "holds no keys"),
    ])
    func aBadRecipeIsAnErrorThatNamesWhatIsOdd(_ text: String, _ mentioned: String) async throws {
        try await withTemporaryDirectory { directory in
            let recipe = directory + "/odd.yaml"
            try text.write(toFile: recipe, atomically: true, encoding: .utf8)
            let result = try Program.run("sft", recipe, "--model", "m", "--data", "d", "--output", directory + "/o")
            #expect(result.status != 0)
            #expect(result.errors.contains("odd.yaml") && result.errors.contains(mentioned), "\(result.errors)")
        }
    }

    @Test func badInputIsOneSentenceAndWritesNothing() async throws {
        try await withTemporaryDirectory { directory in
            let data = directory + "/data.jsonl"
            try "{\"text\": \"good\"}\nnot JSON\n".write(toFile: data, atomically: true, encoding: .utf8)
            let result = try Program.run(Program.tinyRun(data, directory + "/run", steps: 2))
            #expect(result.status == 1)
            #expect(result.errors.contains("data.jsonl, line 2"), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: directory + "/run"))
            let skipping = try Program.run(Program.tinyRun(data, directory + "/run", steps: 2) + ["--skip-bad-lines"])
            #expect(skipping.status == 0, "\(skipping.errors)")
            #expect(skipping.errors.contains("2 rows: 1 whole, 1 left out") && skipping.errors.contains("(line 2)"), "\(skipping.errors)")
        }
    }

    @Test func anOutputThatCannotBeWrittenIsAnErrorWithItsPath() async throws {
        try await withTemporaryDirectory { directory in
            let data = try Program.writeData(directory)
            // A file where a folder should be stops even the administrator.
            try "in the way".write(toFile: directory + "/file", atomically: true, encoding: .utf8)
            let result = try Program.run(Program.tinyRun(data, directory + "/file/run", steps: 2))
            #expect(result.status == 1)
            #expect(result.errors.contains(directory + "/file/run"), "\(result.errors)")
        }
    }

    @Test func evaluateGenerateAndInspectAnswerAsJSON() async throws {
        try await withTemporaryDirectory { directory in
            let data = try Program.writeData(directory)
            let model = Golden.decoder("llama")
            let evaluation = try object(
                Program.run("evaluate", "--model", model, "--data", data, "--json", "--sequence-length", "48").output)
            let (loss, perplexity) = (evaluation["loss"] as! Double, evaluation["perplexity"] as! Double)
            #expect(abs(exp(loss) - perplexity) < 1e-6 * perplexity)
            #expect(evaluation["examples"] as? Int == 40)

            let generation = try object(
                Program.run("generate", "--model", model, "--prompt", "Hi", "--raw", "--max-tokens", "5", "--json").output)
            #expect((generation["tokens"] as? [Int])?.count ?? 0 > 0)

            let inspection = try object(Program.run("inspect", model, "--json").output)
            #expect(inspection["num_hidden_layers"] as? Int == 2)
            #expect(try Program.run("inspect", model).output.contains("byte-level BPE"))
        }
    }

    @Test func inspectionSaysWhichTypesAFileHoldsAndWhatTrainingTakes() throws {
        let mixed = Golden.decoder("gpt_oss_mxfp4") + "/model.gguf"
        let inspection = try object(Program.run("inspect", mixed, "--json").output)
        let types = inspection["types"] as? [String: [String: Int]]
        #expect(types?.keys.sorted() == ["F32", "MXFP4"])
        // Three tensors of experts in each of two layers: 4 experts of 32 by 32, 17 bytes for 32 elements.
        #expect(types?["MXFP4"] == ["tensors": 6, "bytes": 6 * 4 * 32 * 17], "\(types ?? [:])")
        let parameters = inspection["parameters"] as? Int ?? 0
        #expect((inspection["memory"] as? [String: Int])?["training"] == 16 * parameters && parameters > 0)
        let text = try Program.run("inspect", mixed).output
        #expect(text.contains("; MXFP4 in 6 tensors, 13.1 kB") && text.contains(" in training"), "\(text)")
    }

    @Test(arguments: ["", "sft", "dpo", "grpo", "evaluate", "generate", "inspect"])
    func helpExplainsEveryOption(_ command: String) throws {
        let result = try Program.run(command.isEmpty ? ["--help"] : [command, "--help"])
        #expect(result.status == 0)
        #expect(result.output.contains("USAGE: swage"))
        let lines = result.output.components(separatedBy: "\n")
        for (line, next) in zip(lines, lines.dropFirst()) where line.hasPrefix("  --") {
            // What an option does stands behind it, or on the line below.
            let names = line.components(separatedBy: "  ").filter { !$0.isEmpty }
            #expect(names.count > 1 || line.contains("> ") || next.hasPrefix(String(repeating: " ", count: 20)), "\(line)")
        }
    }

    @Test func aCBLASThatIsNamedAndNotThereIsAnError() throws {
        let process = Program.process(["generate", "--model", Golden.decoder("llama"), "--prompt", "x", "--raw"])
        process.environment = ProcessInfo.processInfo.environment.merging(["SWAGE_BLAS": "/nowhere.so"]) { $1 }
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
        #expect(text.contains("/nowhere.so") && text.contains("apt install libopenblas0"), "\(text)")
    }

    @Test func aLibraryInTheWorkingFolderIsNotLoaded() async throws {
        try await withTemporaryDirectory { folder in
            let place = folder + "/.deps/scipy_openblas32/lib"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            let source = folder + "/spy.c"
            try """
            #include <stdio.h>
            __attribute__((constructor)) static void spy(void) { fclose(fopen("\(folder)/loaded", "w")); }
            """.write(toFile: source, atomically: true, encoding: .utf8)
            let compiler = Process()
            compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            compiler.arguments = ["clang", "-shared", "-fPIC", "-o", place + "/libscipy_openblas.so", source]
            try compiler.run()
            compiler.waitUntilExit()
            try #require(compiler.terminationStatus == 0)

            let process = Program.process(
                ["generate", "--model", Golden.decoder("llama"), "--prompt", "x", "--raw", "--max-tokens", "1"], in: folder)
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(!FileManager.default.fileExists(atPath: folder + "/loaded"))
        }
    }

    @Test func aMissingModelIsAnErrorThatSaysWhatAModelIs() throws {
        let result = try Program.run("inspect", "/nowhere")
        #expect(result.status == 1)
        #expect(result.errors.contains("/nowhere does not exist; expected a GGUF file"), "\(result.errors)")
    }
}
