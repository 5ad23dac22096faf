#if Engines
import Foundation
import TestSupport
import Testing

/// A server as a person starts it, and what its clients may do.
@Suite(.serialized, .timeLimit(.minutes(30))) struct ServeCommandTests {
    /// `swage serve` in a folder, until `body` has ended.
    private func withServer(
        _ folder: String, _ arguments: [String], _ body: (_ address: String) throws -> Void
    ) async throws {
        let socket = folder + "/s"
        let process = Program.process(
            ["serve", "--model", Golden.decoder("llama"), "--listen", "unix:" + socket, "--threads", "1", "--steps", "3"] + arguments,
            in: folder)
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        for _ in 0..<200 where !FileManager.default.fileExists(atPath: socket) { try await Task.sleep(for: .milliseconds(50)) }
        try body("unix:" + socket)
    }

    private func run(_ arguments: [String], in folder: String) throws -> (status: Int32, text: String) {
        let process = Program.process(arguments, in: folder)
        let output = Pipe()
        (process.standardOutput, process.standardError) = (output, output)
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    private func training(_ address: String, _ output: String, _ data: String) -> [String] {
        [
            "sft", "--engine", "remote", "--address", address, "--data", data, "--output", output, "--steps", "3",
            "--sequence-length", "48",
        ]
    }

    @Test func aRunSavesWhereTheServerWasToldThatItMay() async throws {
        try await withTemporaryDirectory { folder in
            let data = try Program.writeData(folder)
            try await withServer(folder, ["--allow", "runs"]) { address in
                let ended = try run(training(address, "runs/mine", data) + ["--save-every", "1", "--keep-checkpoints", "2"], in: folder)
                #expect(ended.status == 0, "\(ended.text)")
                let checkpoints = try FileManager.default.contentsOfDirectory(atPath: folder + "/runs/mine/checkpoints").sorted()
                #expect(checkpoints == ["step-2", "step-3"])
                #expect(FileManager.default.fileExists(atPath: folder + "/runs/mine/model/model.safetensors"))
            }
        }
    }

    @Test func aRunThatMayNotSaveIsRefusedBeforeItsFirstStep() async throws {
        try await withTemporaryDirectory { folder in
            let data = try Program.writeData(folder)
            try await withServer(folder, []) { address in
                let ended = try run(training(address, "runs/mine", data), in: folder)
                #expect(ended.status != 0 && ended.text.contains("--allow \(folder)/runs/mine"), "\(ended.text)")
                #expect(!FileManager.default.fileExists(atPath: folder + "/runs/mine/metrics.jsonl"))
                let status = try run(["trainer", "status", "--address", address, "--json"], in: folder)
                #expect(status.text.contains("\"step\":0") || status.text.contains("\"step\" : 0"), "\(status.text)")
            }
        }
    }

    @Test func aServerKeepsTheNinePromisesWhereItsCheckpointsAre() async throws {
        try await withTemporaryDirectory { folder in
            try await withServer(folder, ["--learning-rate", "3e-3"]) { address in
                let ended = try run(
                    ["conformance", "--engine", "remote", "--address", address, "--learning-rate", "3e-3", "--steps", "3"], in: folder)
                #expect(ended.status == 0 && ended.text.contains("9 passed, 0 failed"), "\(ended.text)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/checkpoints") == [".serve.lock"])
            }
        }
    }

    @Test func twoServersDoNotShareAFolderAndARunIsNotBegunAnewWhereItCannotBegin() async throws {
        try await withTemporaryDirectory { folder in
            let data = try Program.writeData(folder)
            try await withServer(folder, ["--allow", "runs"]) { address in
                let second = try run(["serve", "--model", Golden.decoder("llama"), "--listen", "unix:\(folder)/other"], in: folder)
                #expect(second.status == 1 && second.text.contains("checkpoints is in use by process"), "\(second.text)")

                let first = try run(training(address, "runs/mine", data), in: folder)
                #expect(first.status == 0, "\(first.text)")
                let files = try FileManager.default.subpathsOfDirectory(atPath: folder + "/runs/mine").sorted()
                let again = try run(training(address, "runs/mine", data) + ["--restart"], in: folder)
                #expect(again.status == 1 && again.text.contains("the trainer is at step 3"), "\(again.text)")
                #expect(try FileManager.default.subpathsOfDirectory(atPath: folder + "/runs/mine").sorted() == files)
            }
        }
    }

    @Test func aServerOfAnotherModelIsNotTakenForTheSame() async throws {
        try await withTemporaryDirectory { folder in
            let data = try Program.writeData(folder)
            let model = folder + "/m"
            try FileManager.default.copyItem(atPath: Golden.decoder("llama"), toPath: model)
            func evaluate(_ says: String, status: Int32) async throws {
                try await withServer(folder, ["--model", model]) { address in
                    let ended = try run(
                        ["evaluate", "--engine", "remote", "--address", address, "--data", data, "--sequence-length", "48", "--output", "e"], in: folder)
                    #expect(ended.status == status && ended.text.contains(says), "\(ended.text)")
                }
            }
            try await evaluate("loss", status: 0)
            try await evaluate("loss", status: 0)
            try damage(model + "/model.safetensors", bytes: 4096)
            try await evaluate("the server's model has changed", status: 1)
        }
    }

    @Test func aRunsFolderIsNotAServers() async throws {
        try await withTemporaryDirectory { folder in
            try FileManager.default.createDirectory(atPath: folder + "/r/checkpoints", withIntermediateDirectories: true)
            try "{}".write(toFile: folder + "/r/run.json", atomically: true, encoding: .utf8)
            for place in ["r", "r/checkpoints", "r/../r/checkpoints/", "r/checkpoints/step-4"] {
                let ended = try run(["serve", "--model", Golden.decoder("llama"), "--listen", "unix:\(folder)/s", "--checkpoints", place], in: folder)
                #expect(ended.status == 1 && ended.text.contains("\(folder)/r is a run's"), "\(ended.text)")
            }
            #expect(try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() == ["r", "r/checkpoints", "r/run.json"])
        }
    }

    @Test func anEmptyTokenServesNobody() async throws {
        try await withTemporaryDirectory { folder in
            let serve = ["serve", "--model", Golden.decoder("llama"), "--listen", "unix:\(folder)/s"]
            for token in ["", "  \n"] {
                let process = Program.process(serve, in: folder)
                process.environment = ProcessInfo.processInfo.environment.merging(["SWAGE_TOKEN": token]) { $1 }
                let errors = Pipe()
                process.standardError = errors
                try process.run()
                let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                #expect(process.terminationStatus != 0 && text.contains("SWAGE_TOKEN is empty"), "\(text)")
                try token.write(toFile: folder + "/token", atomically: false, encoding: .utf8)
                let ended = try run(serve + ["--token-file", folder + "/token"], in: folder)
                #expect(ended.status != 0 && ended.text.contains("token is empty"), "\(ended.text)")
            }
        }
    }
}
#endif
