#if Engines
import Foundation
import Swage
import SwageRemote
import SwageWorkers
import TestEngines
import TestSupport
import Testing

extension WorkerTests {
    /// What engines in workers do to files that are not theirs, and what they are told.
    @Suite(.serialized, .timeLimit(.minutes(30))) struct WorkerFileTests {
        static let engines = [("huggingface", EngineUnderTest.huggingFace), ("titan", EngineUnderTest.titanAlone)]
            .filter { WorkerEnvironment($0.0).isInstalled }.map(\.1)

        @Test(.enabled(if: WorkerEnvironment("huggingface").isInstalled))
        func nothingForeignIsReplacedAndTheClockDecidesNothing() async throws {
            try await withTemporaryDirectory { folder in
                let rules = FileRules(try await EngineUnderTest.huggingFace.start(folder + "/default"), in: folder)
                let problems =
                    try await rules.checkThatTheClockDecidesNothing() + rules.checkThatNothingForeignIsReplaced()
                    + rules.checkThatOnlyMarkedLeftoversAreRemoved()
                #expect(problems == [], "\(problems.joined(separator: "\n"))")
            }
        }

        @Test(arguments: engines) func manifestsAreValidated(_ engine: EngineUnderTest) async throws {
            try await withTemporaryDirectory { folder in
                let problems = try await FileRules(try await engine.start(folder + "/default"), in: folder)
                    .checkThatManifestsAreValidated()
                #expect(problems == [], "\(problems.joined(separator: "\n"))")
            }
        }

        @Test(.enabled(if: WorkerEnvironment("huggingface").isInstalled))
        func aMaliciousClientReachesNothingThroughAServer() async throws {
            try await withTemporaryDirectory { folder in
                try await MaliciousClient.prepare(folder)
                let trainer = try await EngineUnderTest.huggingFace.start(folder + "/served")
                try await withServed(trainer, checkpoints: folder + "/served") { remote in
                    let problems = try await MaliciousClient(remote, in: folder).attack()
                    #expect(problems == [], "\(problems.joined(separator: "\n"))")
                }
            }
        }

        @Test(.enabled(if: WorkerEnvironment("huggingface").isInstalled))
        func aMaliciousClientReachesNothingThroughSomebodyElsesTrainer() async throws {
            try await withTemporaryDirectory { folder in
                try await MaliciousClient.prepare(folder)
                let process = try ThirdPartyProcess(model: TinyModel.path, workspace: folder, checkpoints: folder + "/served")
                let problems = try await MaliciousClient(try await process.trainer(), in: folder).attack(whatChangesAlone: true)
                #expect(problems == [], "\(problems.joined(separator: "\n"))")
            }
        }

        @Test(.enabled(if: WorkerEnvironment("huggingface").isInstalled))
        func whatWasWrittenLastStaysWhateverTheClockSays() async throws {
            try await withTemporaryDirectory { folder in
                let trainer = try await HuggingFaceTrainer(
                    model: TinyModel.path, checkpointDirectory: folder, keptCheckpoints: 2)
                for _ in 0..<4 {
                    try FileRules.edit(try await trainer.save().path) { $0["savedAt"] = UInt64.max / 2 }
                    _ = try await trainer.forwardBackward(TinyModel.batch)
                    _ = try await trainer.optimStep()
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["step-2", "step-3"])
                // What another byte has got into is passed over, and refused where it is named.
                try damage(folder + "/step-3/model.safetensors")
                let error = await #expect(throws: TrainerError.self) { try await trainer.load(folder + "/step-3") }
                #expect(error?.code == .corruptFile, "\(String(describing: error))")
                #expect(try await trainer.load(nil).step == 2)
            }
        }

        @Test(arguments: engines) func noWorkerIsToldTheToken(_ engine: EngineUnderTest) async throws {
            setenv("SWAGE_TOKEN", "open sesame", 1)
            defer { unsetenv("SWAGE_TOKEN") }
            try await withTemporaryDirectory { folder in
                let trainer = try #require(try await engine.start(folder) as? any WorkerTrainer)
                let worker = await trainer.worker.processIdentifier
                let ranks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(worker)/task").flatMap {
                    try String(contentsOfFile: "/proc/\(worker)/task/\($0)/children", encoding: .utf8).split(separator: " ")
                }.compactMap { Int32($0) }
                for process in [worker] + ranks {
                    let variables = try String(
                        decoding: Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/environ")), as: UTF8.self)
                    #expect(variables.contains("PYTHONPATH=") && !variables.contains("sesame"), "process \(process)")
                }
            }
        }
    }
}
#endif
