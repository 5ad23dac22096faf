import Foundation
import Swage
import Testing
import TestSupport

@Suite struct KillTests {
    private struct Line: Decodable, Equatable {
        var step: Int
        var loss: Double
        var gradientNorm: Double
        var learningRate: Double
    }

    private func curve(_ output: String) throws -> [Line] {
        try String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }

    private func reached(_ output: String) throws -> Int {
        guard FileManager.default.fileExists(atPath: output + "/metrics.jsonl") else { return 0 }
        return try curve(output).last?.step ?? 0
    }

    /// kill -9 at random moments of a run that does little else than write checkpoints, a hundred times.
    @Test func aRunKilledAHundredTimesEndsAsTheUnbrokenRunBitForBit() async throws {
        try await withTemporaryDirectory { directory in
            let data = try Program.writeData(directory)
            let steps = 3000
            let unbroken = directory + "/unbroken"
            #expect(try Program.run(Program.tinyRun(data, unbroken, steps: steps)).status == 0)

            let broken = directory + "/broken"
            let arguments = Program.tinyRun(data, broken, steps: steps)
            var random = SeededGenerator(seed: 1)
            var kills = 0
            // On a busy machine some are killed before they have begun.
            while try kills < 100 || (kills < 300 && reached(broken) <= 20) {
                let process = Program.process(arguments + ["--save-every", "1"])
                process.standardError = FileHandle.nullDevice
                process.standardOutput = FileHandle.nullDevice
                try process.run()
                // Not a task's sleep, which ends late where others keep the threads.
                usleep(UInt32(1000 * Int.random(in: 60...400, using: &random)))
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
                // A run that came to its end before it was killed would prove nothing.
                try #require(process.terminationReason == .uncaughtSignal, "the run ended by itself after \(kills) kills")
                kills += 1
            }
            let step = try reached(broken)
            #expect(step > 20, "the killed runs got no further than step \(step)")
            let last = try Program.run(arguments)
            #expect(last.status == 0, "\(last.errors)")
            #expect(last.errors.contains("Going on from step"))
            #expect(try curve(broken) == curve(unbroken))
            let weights = "/model/model.safetensors"
            #expect(FileManager.default.contentsEqual(atPath: broken + weights, andPath: unbroken + weights))
        }
    }

    /// Waits for a step, and sends signals.
    private func interrupt(
        _ process: Process, _ output: String, _ signals: [Int32], beyond step: Int = 0
    ) async throws -> String {
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        try await waitUntil("a step is taken") { try reached(output) > step || !process.isRunning }
        for signal in signals { kill(process.processIdentifier, signal) }
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aSignalSavesAndTheSameCommandGoesOn(_ signal: Int32) async throws {
        try await withTemporaryDirectory { directory in
            let (data, output) = (try Program.writeData(directory), directory + "/run")
            let arguments = Program.tinyRun(data, output, steps: 2_000_000)
            let process = Program.process(arguments)
            let text = try await interrupt(process, output, [signal])
            #expect(process.terminationStatus == 128 + signal)
            #expect(text.contains("saved") && text.contains("The same command goes on"), "\(text)")
            let before = try curve(output)
            let step = try #require(before.last?.step)
            #expect(FileManager.default.fileExists(atPath: "\(output)/checkpoints/step-\(step)/checkpoint.json"))

            let second = Program.process(arguments)
            let more = try await interrupt(second, output, [signal], beyond: step)
            #expect(more.contains("Going on from step \(step)"), "\(more)")
        }
    }

    @Test func aHangupThatTheProgramWasStartedToOutliveEndsNothing() async throws {
        try await withTemporaryDirectory { directory in
            let (data, output) = (try Program.writeData(directory), directory + "/run")
            let process = Program.process([Program.path] + Program.tinyRun(data, output, steps: 200))
            process.executableURL = URL(fileURLWithPath: "/usr/bin/nohup")
            let text = try await interrupt(process, output, [SIGHUP])
            #expect(process.terminationStatus == 0, "\(text)")
            #expect(try reached(output) == 200)
        }
    }
}
