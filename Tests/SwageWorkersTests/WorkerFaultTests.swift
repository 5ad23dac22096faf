#if Engines
import Foundation
import Swage
import SwageWorkers
import TestEngines
import TestSupport
import Testing

extension WorkerTests {
    /// A worker or a rank that dies is an error within seconds, nothing is half applied, and loading goes on in a new one.
    @Suite(.serialized) struct WorkerFaultTests {
        enum Call: String, CaseIterable { case forwardBackward, optimStep, save }
        enum Victim: String, CaseIterable { case huggingFace, titan, oneRank }

        static let cases =
            [(Victim.titan, Call.optimStep)].filter { _ in WorkerEnvironment("titan").isInstalled }
            + [("huggingface", Victim.huggingFace), ("titan", .oneRank)].flatMap { engine, victim in
                WorkerEnvironment(engine).isInstalled ? Call.allCases.map { (victim, $0) } : []
            }

        @Test(arguments: cases) func aWorkerThatIsKilledInACallIsAnErrorAndLoadGoesOn(_ victim: Victim, _ call: Call) async throws {
            try await withTemporaryDirectory { directory in
                let trainer = try await Self.start(victim, directory)
                try await Self.step(trainer)
                let saved = try await trainer.save()
                let next = try await Self.step(trainer)
                _ = try await trainer.forwardBackward(TinyModel.batch)

                let processes = try await Self.processes(of: trainer, victim)
                let target = try #require(processes.last)
                // Calls of a tiny model are short: it dies in one of many, or between two of them.
                let killer = Task {
                    try await Task.sleep(for: .milliseconds(200))
                    kill(target, SIGKILL)
                    return ContinuousClock.now
                }
                let error = await #expect(throws: TrainerError.self) {
                    while true { try await Self.run(call, trainer, directory) }
                }
                let taken = try await killer.value.duration(to: .now)
                #expect([.engineFailed, .connectionLost].contains(error?.code), "\(String(describing: error))")
                #expect(taken < .seconds(60), "the error took \(taken)")

                // What was complete is still there, and nothing else is taken for it.
                let loaded = try await trainer.load(saved.path)
                #expect(loaded.step == 1)
                let again = try await Self.step(trainer)
                #expect(abs(again.gradientNorm - next.gradientNorm) < 1e-4, "\(again) and \(next)")
                for entry in try FileManager.default.contentsOfDirectory(atPath: directory + "/default")
                where !entry.hasPrefix(".") {
                    _ = try await trainer.load(directory + "/default/" + entry)
                }
            }
        }

        static let engines = [("huggingface", Victim.huggingFace), ("titan", .oneRank)]
            .filter { WorkerEnvironment($0.0).isInstalled }.map(\.1)

        /// A file may be no longer than a few kilobytes: to those who write, a disk that is full.
        @Test(arguments: engines) func aFullDiskIsAnErrorOfSaveAndNothingElse(_ victim: Victim) async throws {
            try await withTemporaryDirectory { directory in
                let trainer = try await Self.start(victim, directory)
                try await Self.step(trainer)
                _ = try await trainer.forwardBackward(TinyModel.batch)
                let processes = Set(try await Self.processes(of: trainer, victim) + [trainer.worker.processIdentifier])
                func limitFiles(to size: String) throws {
                    for process in processes {
                        let command = try Process.run(
                            URL(fileURLWithPath: "/usr/bin/prlimit"), arguments: ["--pid", "\(process)", "--fsize=\(size):"])
                        command.waitUntilExit()
                        try #require(command.terminationStatus == 0)
                    }
                }
                try limitFiles(to: "8192")
                for weightsOnly in [true, false] {
                    let error = await #expect(throws: TrainerError.self) {
                        try await trainer.save(name: "full", path: directory + "/there", weightsOnly: weightsOnly)
                    }
                    #expect(error?.code == .inputOutput && error?.message.contains("File too large") == true, "\(String(describing: error))")
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/there") == [])

                try limitFiles(to: "unlimited")
                let saved = try await trainer.save()
                let next = try await trainer.optimStep()
                #expect(next.step == 2 && next.accumulatedMicrobatches == 1, "\(next)")
                _ = try await trainer.load(saved.path)
                let again = try await trainer.optimStep()
                #expect(again.gradientNorm == next.gradientNorm, "\(again) and \(next)")
            }
        }

        private static func start(_ victim: Victim, _ directory: String) async throws -> any WorkerTrainer {
            if victim == .huggingFace {
                return try await HuggingFaceTrainer(
                    model: TinyModel.path, optimizer: TinyModel.optimizer, checkpointDirectory: directory + "/default")
            }
            var options = TitanTrainer.Options()
            options.degrees.shard = 2
            options.threads = 1
            return try await TitanTrainer(
                model: TinyModel.path, optimizer: TinyModel.optimizer, checkpointDirectory: directory + "/default",
                options: options)
        }

        @discardableResult
        private static func step(_ trainer: any Trainer) async throws -> OptimStepResult {
            _ = try await trainer.forwardBackward(TinyModel.batch)
            return try await trainer.optimStep()
        }

        private static func run(_ call: Call, _ trainer: any Trainer, _ directory: String) async throws {
            switch call {
            case .forwardBackward: _ = try await trainer.forwardBackward(TinyModel.batch)
            case .optimStep: try await step(trainer)
            case .save: _ = try await trainer.save(name: "again")
            }
        }

        /// The worker, or the ranks below it.
        private static func processes(of trainer: any WorkerTrainer, _ victim: Victim) async throws -> [Int32] {
            let worker = await trainer.worker.processIdentifier
            guard victim == .oneRank else { return [worker] }
            return try FileManager.default.contentsOfDirectory(atPath: "/proc/\(worker)/task").flatMap { thread in
                try String(contentsOfFile: "/proc/\(worker)/task/\(thread)/children", encoding: .utf8)
                    .split(separator: " ").compactMap { Int32($0) }
            }
        }
    }
}
#endif
