import Foundation
import Swage
import Testing
import TestSupport

@Suite struct ReinforcementCommandTests {
    private static let tiny = [
        "--model", Golden.decoder("llama"), "--chat-template", "chatml", "--threads", "1", "--max-tokens", "6",
    ]

    private static func grpo(_ output: String, steps: Int) -> [String] {
        ["grpo"] + tiny + [
            "--arithmetic", "1", "--output", output, "--steps", "\(steps)", "--problems-per-rollout", "2", "--group-size", "4",
            "--reward", "finished", "number:0.5", "--learning-rate", "1e-3", "--held-out-limit", "6", "--schedule", "constant",
        ]
    }

    private func lastObject(_ output: String) throws -> [String: Any] {
        let line = try #require(output.split(separator: "\n").last)
        return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    private struct Line: Decodable, Equatable {
        var step: Int
        var loss: Double
        var gradientNorm: Double
        var metrics: [String: Double]

        var told: [Double] {
            [Double(step), loss, gradientNorm] + ["reward", "entropy", "completion_length"].map { metrics[$0] ?? -1 }
        }
    }

    private func curve(_ output: String) throws -> [[Double]] {
        try String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8)).told
        }
    }

    @Test func grpoEndsWithOneObjectForPrograms() async throws {
        try await withTemporaryDirectory { directory in
            // Enough answers for some to be better than others, whatever the processor rounds to: only those are learned from.
            let result = try Program.run(
                Self.grpo(directory + "/run", steps: 3) + ["--problems-per-rollout", "8", "--group-size", "32", "--json"])
            #expect(result.status == 0, "\(result.errors)")
            let report = try lastObject(result.output)
            for key in ["accuracyBefore", "accuracyAfter", "seconds"] { #expect(report[key] is Double, "\(key): \(report)") }
            #expect(report["problems"] as? Int == 6 && report["steps"] as? Int == 3, "\(report)")
            for word in ["reward", "accuracy", "KL", "entropy", "length", "tokens/s", "left", "problem", "answer"] {
                #expect(result.errors.contains(word), "\(word) in \(result.errors)")
            }
        }
    }

    @Test func aKilledGRPORunEndsAsTheUnbrokenOneBitForBit() async throws {
        try await withTemporaryDirectory { directory in
            let steps = 500
            #expect(try Program.run(Self.grpo(directory + "/unbroken", steps: steps)).status == 0)
            let broken = directory + "/broken"
            let uninterrupted = Self.grpo(broken, steps: steps) + ["--show-every", "0"]
            let arguments = uninterrupted + ["--save-every", "1"]
            var random = SeededGenerator(seed: 2)
            var kills = 0
            // On a busy machine some are killed before they have begun.
            func taken() -> Int { ((try? curve(broken)) ?? []).count }
            while taken() < steps - 150, kills < 12 || (kills < 60 && taken() <= 2) {
                let process = Program.process(arguments)
                process.standardError = FileHandle.nullDevice
                process.standardOutput = FileHandle.nullDevice
                try process.run()
                // Not a task's sleep, which ends late where others keep the threads.
                usleep(UInt32(1000 * Int.random(in: 150...500, using: &random)))
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
                try #require(process.terminationReason == .uncaughtSignal, "the run ended by itself")
                kills += 1
            }
            #expect(taken() > 2 && kills > 1, "\(kills) killed runs have taken \(taken()) steps")
            let last = try Program.run(uninterrupted)
            #expect(last.status == 0 && last.errors.contains("Going on from step"), "\(last.errors)")
            #expect(try curve(broken) == curve(directory + "/unbroken"))
            #expect(
                FileManager.default.contentsEqual(
                    atPath: broken + "/model/model.safetensors", andPath: directory + "/unbroken/model/model.safetensors"))
        }
    }

    @Test func dpoReportsTheHeldOutMargin() async throws {
        try await withTemporaryDirectory { directory in
            let data = directory + "/pairs.jsonl"
            let lines = (0..<12).map { #"{"prompt": "Number \#($0)", "chosen": " good", "rejected": " bad \#($0)"}"# }
            try lines.joined(separator: "\n").write(toFile: data, atomically: true, encoding: .utf8)
            let result = try Program.run(
                "dpo", "--model", Golden.decoder("llama"), "--data", data, "--held-out", data, "--output", directory + "/run",
                "--steps", "6", "--learning-rate", "1e-3", "--threads", "1", "--json")
            #expect(result.status == 0, "\(result.errors)")
            let report = try lastObject(result.output)
            #expect(report["marginBefore"] as? Double == 0 && (report["marginAfter"] as? Double ?? 0) > 0, "\(report)")
        }
    }

    @Test func evaluateCountsRightAnswers() async throws {
        try await withTemporaryDirectory { directory in
            let problems = directory + "/problems.jsonl"
            let lines = (0..<5).map { #"{"prompt": "What is \#($0)?", "answer": "e"}"# }
            try lines.joined(separator: "\n").write(toFile: problems, atomically: true, encoding: .utf8)
            let result = try Program.run(
                ["evaluate"] + Self.tiny + [
                    "--problems", problems, "--reward", "contains", "--samples", "6", "--pass-at", "1", "6", "--json",
                ])
            #expect(result.status == 0, "\(result.errors)")
            let report = try lastObject(result.output)
            let (accuracy, first, any) = (
                report["accuracy"] as? Double ?? -1, report["pass@1"] as? Double ?? -1, report["pass@6"] as? Double ?? -1
            )
            #expect(abs(accuracy - first) < 1e-9 && any >= first && first >= 0, "\(report)")
            #expect(report["problems"] as? Int == 5 && report["samples"] as? Int == 6)
        }
    }

    @Test(arguments: [
        (["--arithmetic", "9"], "--arithmetic is 9"), (["--arithmetic", "1", "--data", "x"], "not both"), ([], "--arithmetic"),
        (["--arithmetic", "1", "--reward", "beauty"], "no reward beauty"),
        (["--arithmetic", "1", "--group-size", "1"], "--group-size is 1"), (["--data", "/nowhere.jsonl"], "/nowhere.jsonl"),
    ])
    func badOptionsAreNamed(_ options: [String], _ mentioned: String) async throws {
        try await withTemporaryDirectory { directory in
            let result = try Program.run(["grpo"] + Self.tiny + ["--output", directory + "/run"] + options)
            #expect(result.status != 0 && result.errors.contains(mentioned), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: directory + "/run"))
        }
    }
}
