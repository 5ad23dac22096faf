import Foundation
import Testing
import TestSupport

/// The same command goes on with the same data, model and options; another one is told what differs.
@Suite(.timeLimit(.minutes(30))) struct RunIdentityCommandTests {
    private static let model = Golden.decoder("llama")

    private func arguments(_ command: String, _ directory: String) -> [String] {
        [
            command, "--model", directory + "/model", "--data", directory + "/data.jsonl", "--held-out", directory + "/held-out.jsonl",
            "--output", directory + "/run", "--steps", "6", "--save-every", "3", "--keep-checkpoints", "9", "--learning-rate", "1e-3",
            "--threads", "1", "--sequence-length", "48",
        ]
    }

    private func withFiles(_ lines: [String], _ body: (String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.copyItem(atPath: Self.model, toPath: directory + "/model")
            for name in ["data", "held-out"] { try write(lines, "\(directory)/\(name).jsonl") }
            try await body(directory)
        }
    }

    private func write(_ lines: [String], _ path: String) throws {
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Takes a finished run back to its third step, as a crash leaves it.
    private func back(_ output: String) throws {
        for name in ["checkpoints/step-6", "report.json", "model", "data/step-6.json"] {
            try FileManager.default.removeItem(atPath: "\(output)/\(name)")
        }
    }

    private static let texts = (0..<9).map { #"{"text": "one two three \#($0)"}"# }
    private static let pairs = (0..<9).map { #"{"prompt": "Number \#($0)", "chosen": " good \#($0)", "rejected": " bad"}"# }
    private static let swapped = (0..<9).map { #"{"prompt": "Number \#($0)", "chosen": " bad", "rejected": " good \#($0)"}"# }

    @Test func otherContentUnderTheSamePathIsNamedAndTheSameGoesOnBitForBit() async throws {
        for (command, lines, other) in [("sft", Self.texts, Self.texts + [Self.texts[0]]), ("dpo", Self.pairs, Self.swapped)] {
            try await withFiles(lines) { directory in
                let (arguments, output) = (arguments(command, directory), directory + "/run")
                let whole = try Program.run(arguments)
                #expect(whole.status == 0, "\(whole.errors)")
                let metrics = try losses(output)
                for isFinished in [true, false] {
                    if !isFinished { try back(output) }
                    for (file, what) in [("data", "the data"), ("held-out", "the held-out data")] {
                        try write(other, "\(directory)/\(file).jsonl")
                        let result = try Program.run(arguments)
                        #expect(result.status == 1 && result.errors.contains("\(what) \(directory)/\(file).jsonl has changed since"), "\(result.errors)")
                        try write(lines, "\(directory)/\(file).jsonl")
                    }
                    let weights = URL(fileURLWithPath: directory + "/model/model.safetensors")
                    let bytes = try Data(contentsOf: weights)
                    try (bytes.dropLast(400) + Data(repeating: 1, count: 400)).write(to: weights)
                    let result = try Program.run(arguments)
                    #expect(result.status == 1 && result.errors.contains("the model \(directory)/model has changed since"), "\(result.errors)")
                    try bytes.write(to: weights)
                }
                let again = try Program.run(arguments)
                #expect(again.status == 0 && again.errors.contains("Going on from step 3"), "\(again.errors)")
                #expect(try losses(output) == metrics)
            }
        }
    }

    private func losses(_ output: String) throws -> [Double] {
        struct Line: Decodable { var loss: Double }
        return try String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
            .map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)).loss }
    }

    @Test(arguments: [
        (["--threads", "2"], "threads 1, not 2"), (["--sequence-length", "40"], "sequence-length 48, not 40"),
        (["--seed", "1"], "seed 0, not 1"), (["--beta2", "0.99"], "beta2 0.999, not 0.99"), (["--no-packing"], "packing true, not false"),
    ])
    func otherOptionsAreNamedAfterTheEndToo(_ more: [String], _ mentioned: String) async throws {
        try await withFiles(Self.texts) { directory in
            #expect(try Program.run(arguments("sft", directory)).status == 0)
            let result = try Program.run(arguments("sft", directory) + more)
            #expect(result.status == 1 && result.errors.contains("begun with \(mentioned)"), "\(result.errors)")
        }
    }

    @Test func whatChangesNoResultMayDiffer() async throws {
        try await withFiles(Self.texts) { directory in
            #expect(try Program.run(arguments("sft", directory)).status == 0)
            try FileManager.default.moveItem(atPath: directory + "/data.jsonl", toPath: directory + "/moved.jsonl")
            let moved = arguments("sft", directory).map { $0.hasSuffix("/data.jsonl") ? directory + "/moved.jsonl" : $0 }
            let result = try Program.run(moved + ["--save-every", "1", "--keep-checkpoints", "1", "--log-level", "error", "--json"])
            #expect(result.status == 0, "\(result.errors)")
        }
    }

    /// Options that a run may go on with differently. A new one has to be told of here, or it counts.
    private static let changingNothing: Set = [
        "model", "data", "held-out", "problems", "output", "address", "hosts", "mesh-address", "token-file", "trust-roots",
        "log-level", "json", "profile", "show-every", "save-every", "keep-checkpoints", "restart", "reward-timeout", "pass-at",
        "help", "version",
    ]

    @Test(arguments: ["sft", "dpo", "grpo", "evaluate"])
    func everyOptionCountsOrIsKnownToChangeNothing(_ command: String) async throws {
        let lines = command == "dpo" ? Self.pairs : Self.texts
        try await withFiles(lines) { directory in
            var arguments = [command, "--model", Self.model, "--output", directory + "/run", "--threads", "1"]
            switch command {
            case "grpo": arguments += ["--chat-template", "chatml", "--arithmetic", "1", "--max-tokens", "2", "--held-out-limit", "2"]
            default: arguments += ["--data", directory + "/data.jsonl"]
            }
            if command != "evaluate" { arguments += ["--steps", "1"] }
            let result = try Program.run(arguments)
            #expect(result.status == 0, "\(result.errors)")
            let file = directory + (command == "evaluate" ? "/run/evaluation.json" : "/run/run.json")
            let record = try JSONDecoder().decode(Record.self, from: Data(contentsOf: URL(fileURLWithPath: file)))

            let help = try Program.run(command, "--experimental-dump-help")
            let names = try JSONDecoder().decode(Help.self, from: Data(help.output.utf8)).flags
            #expect(names.count > 20, "\(names)")
            for name in names {
                #expect(
                    record.identity.settings[name] != nil || Self.changingNothing.contains(name),
                    "--\(name) is neither in the identity of a run nor known to change no result")
                #expect(record.identity.settings[name] == nil || !Self.changingNothing.contains(name), "--\(name) is both")
            }
        }
    }

    private struct Record: Decodable {
        struct Identity: Decodable { var settings: [String: String] }
        var identity: Identity
    }

    /// What ArgumentParser tells of a command.
    private struct Help: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }
        struct Argument: Decodable {
            var kind: String
            var names: [Name]?
        }
        struct Command: Decodable { var arguments: [Argument] }
        var command: Command

        /// The names of its options, each once: the opposite of a flag is the flag.
        var flags: Set<String> {
            let long = command.arguments.filter { $0.kind != "positional" }.compactMap { $0.names?.first { $0.kind == "long" }?.name }
            return Set(long.map { $0.hasPrefix("no-") ? String($0.dropFirst(3)) : $0 })
        }
    }
}
