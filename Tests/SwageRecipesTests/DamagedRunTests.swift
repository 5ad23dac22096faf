import Foundation
import Swage
import SwageNative
import SwageRecipes
import Testing
import TestSupport

/// A run of which something is gone goes on as far as it can, and says so, or says what is in its way before it begins.
@Suite(.timeLimit(.minutes(30))) struct DamagedRunTests {
    /// A run that was stopped after three of five steps, each of them saved.
    private func stopped(in directory: String) async throws -> (QuickRun, output: String) {
        let run = QuickRun(steps: 5, saveEvery: 1)
        try await run.interrupted(after: 3, directory + "/run", inputs: directory)
        return (run, directory + "/run")
    }

    private func finish(_ run: QuickRun, _ output: String, inputs: String) async throws -> [String] {
        let (events, teller) = AsyncStream.makeStream(of: String.self)
        var run = run
        run.observe = { event in
            switch event {
            case .lost(let steps, let what): teller.yield("lost \(steps) \(what)")
            case .resumed(let step, _): teller.yield("resumed \(step)")
            default: break
            }
        }
        _ = try await run(output, inputs: inputs)
        teller.finish()
        return await events.reduce(into: []) { $0.append($1) }
    }

    @Test func metricsThatWereCutShortAreToldOfAndStayReadable() async throws {
        try await withTemporaryDirectory { directory in
            let (run, output) = try await stopped(in: directory)
            let metrics = output + "/metrics.jsonl"
            let whole = try String(contentsOfFile: metrics, encoding: .utf8)
            let cut = whole.split(separator: "\n")[0] + "\n" + whole.split(separator: "\n")[1].prefix(20)
            try String(cut).write(toFile: metrics, atomically: true, encoding: .utf8)

            try await run.interrupted(after: 4, output, inputs: directory)
            #expect(try await finish(run, output, inputs: directory) == ["resumed 4", "lost 2 metrics"])
            #expect(try lossesOfRun(output).count == 3)
        }
    }

    @Test func whatIsInTheWayOfACheckpointIsRefusedBeforeAStepIsTaken() async throws {
        try await withTemporaryDirectory { directory in
            let (run, output) = try await stopped(in: directory)
            try FileManager.default.removeItem(atPath: output + "/checkpoints/step-3/checkpoint.json")
            let before = try lossesOfRun(output)
            let error = await #expect(throws: TrainerError.self) { try await run(output, inputs: directory) }
            #expect(error?.code == .notAllowed && error?.message.contains("step-3") == true, "\(String(describing: error))")
            #expect(try lossesOfRun(output) == before)
            try FileManager.default.moveItem(atPath: output + "/checkpoints/step-3", toPath: directory + "/aside")
            #expect(try await finish(run, output, inputs: directory) == ["resumed 2"])
            #expect(try lossesOfRun(output).count == 5)
        }
    }

    @Test func thePositionOfAnotherStepIsNotTakenForThisOnes() async throws {
        try await withTemporaryDirectory { directory in
            let (run, output) = try await stopped(in: directory)
            let data = output + "/data"
            try FileManager.default.removeItem(atPath: data + "/step-3.json")
            try FileManager.default.copyItem(atPath: data + "/step-2.json", toPath: data + "/step-3.json")
            let error = await #expect(throws: TrainerError.self) { try await run(output, inputs: directory) }
            #expect(error?.code == .corruptFile && error?.message.hasSuffix("step-3.json is that of step 2") == true, "\(String(describing: error))")
        }
    }

    @Test(arguments: ["checkpoints/step-5", "data/step-5.json", "checkpoints"])
    func whatSomebodyHasPutWhereALaterStepIsWrittenIsToldBeforeAStepIsTaken(_ name: String) async throws {
        try await withTemporaryDirectory { directory in
            let (run, output) = try await stopped(in: directory)
            let (files, before) = (FileManager.default, try lossesOfRun(output))
            switch name {
            case "checkpoints/step-5": try files.copyItem(atPath: output + "/checkpoints/step-3", toPath: output + "/" + name)
            case "data/step-5.json": try "mine".write(toFile: output + "/" + name, atomically: true, encoding: .utf8)
            default:
                try files.moveItem(atPath: output + "/" + name, toPath: directory + "/aside")
                try "mine".write(toFile: output + "/" + name, atomically: true, encoding: .utf8)
            }
            let error = await #expect(throws: TrainerError.self) { try await run(output, inputs: directory) }
            #expect(error?.message.contains(name) == true, "\(String(describing: error))")
            #expect(try lossesOfRun(output) == before)
        }
    }

    @Test func anotherRunsFoldersAreNoPlaceForWork() async throws {
        try await withTemporaryDirectory { directory in
            let (run, output) = try await stopped(in: directory)
            for place in ["checkpoints/mine", "model", "data/a/b"] {
                let error = await #expect(throws: TrainerError.self) { try await run(output + "/" + place, inputs: directory) }
                #expect(error?.code == .invalidOption && error?.message.contains("which a run writes") == true, "\(String(describing: error))")
            }
            #expect(try await finish(run, output + "/mine", inputs: directory) == [])
        }
    }

    /// A server that was given the folder has left one, say.
    @Test func aRunDoesNotGoOnFromWhatItHasNotWritten() async throws {
        try await withTemporaryDirectory { directory in
            let (run, output) = try await stopped(in: directory)
            _ = try await QuickRun(steps: 4, saveEvery: 4)(directory + "/other", inputs: directory)
            let foreign = try await NativeTrainer(
                model: Golden.decoder("qwen2"), checkpointDirectory: output + "/checkpoints", chatTemplate: "chatml", threads: 1)
            _ = try await foreign.load(directory + "/other/checkpoints/step-4")
            let path = try await foreign.save(name: "left-at-step-4", path: nil, weightsOnly: false).path
            let error = await #expect(throws: TrainerError.self) { try await run(output, inputs: directory) }
            #expect(error?.code == .notAllowed && error?.message.contains("left-at-step-4") == true, "\(String(describing: error))")
            try FileManager.default.moveItem(atPath: path, toPath: directory + "/aside")
            #expect(try await finish(run, output, inputs: directory) == ["resumed 3"])
        }
    }

    @Test func aRunWithoutItsCheckpointsBeginsAgainAndSaysSo() async throws {
        try await withTemporaryDirectory { directory in
            let (run, output) = try await stopped(in: directory)
            try FileManager.default.removeItem(atPath: output + "/checkpoints")
            #expect(try await finish(run, output, inputs: directory) == ["lost 3 checkpoints"])
            #expect(try lossesOfRun(output).count == 5)
        }
    }

    @Test func aCheckpointWhosePositionIsGoneSaysHowToGoOn() async throws {
        try await withTemporaryDirectory { directory in
            let (run, output) = try await stopped(in: directory)
            for damage in [{ try Data("{}".utf8).write(to: URL(fileURLWithPath: $0)) }, { try FileManager.default.removeItem(atPath: $0) }]
                as [(String) throws -> Void]
            {
                try damage(output + "/data/step-3.json")
                let error = await #expect(throws: TrainerError.self) { try await run(output, inputs: directory) }
                #expect(error?.expected?.contains("move") == true && error?.message.contains("step-3.json") == true, "\(String(describing: error))")
            }
        }
    }
}
