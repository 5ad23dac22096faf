import Foundation
import Swage
import SwageFiles
import SwageNative
import Testing
import TestSupport

/// What the disk can do to checkpoints.
@Suite(.serialized) struct CheckpointTests {
    private func trainer(_ directory: String, model: String = "llama") async throws -> NativeTrainer {
        try await NativeTrainer(model: Golden.decoder(model), checkpointDirectory: directory, threads: 1)
    }

    @Test func aFullDiskIsAnErrorAndTheLastCheckpointStays() async throws {
        try await withTemporaryDirectory { directory in
            let disk = directory + "/disk"
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
            // Room for one checkpoint and half of another.
            guard run("mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk) == 0 else {
                print("Mounting a small disk needs root; the test of a full disk was left out.")
                return
            }
            defer { _ = run("umount", "-l", disk) }
            let trainer = try await trainer(disk)
            _ = try await trainer.save()
            let golden = try GoldenTensors(Golden.decoder("llama") + "/golden.safetensors")
            _ = try await trainer.forwardBackward(try golden.batch(0))
            _ = try await trainer.optimStep()
            let error = await #expect(throws: TrainerError.self) { try await trainer.save() }
            #expect(error?.code == .inputOutput)
            #expect(error?.description.contains("No space left") == true, "\(String(describing: error))")
            #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == ["step-0"])
            #expect(try await trainer.status().step == 1)
            #expect(try await trainer.load().step == 0)
        }
    }

    @Test(arguments: ["model.safetensors", "optimizer.safetensors"])
    func aCheckpointWithAnotherByteIsRefusedByNameAndPassedOver(_ file: String) async throws {
        try await withTemporaryDirectory { directory in
            let trainer = try await trainer(directory)
            let golden = try GoldenTensors(Golden.decoder("llama") + "/golden.safetensors")
            for _ in 0..<2 {
                _ = try await trainer.forwardBackward(try golden.batch(0))
                _ = try await trainer.optimStep()
                _ = try await trainer.save()
            }
            try damage("\(directory)/step-2/\(file)")
            let error = await #expect(throws: TrainerError.self) { try await trainer.load(directory + "/step-2") }
            #expect(error?.code == .corruptFile && error?.message.contains(file) == true, "\(String(describing: error))")
            #expect(try await trainer.load(nil).step == 1)
            let damaged = CheckpointStore(directory: directory).damaged(after: 1)
            #expect(damaged.map(\.path) == [directory + "/step-2"], "\(damaged)")
        }
    }

    @Test func aNameOfWhatIsBeingWrittenIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            let trainer = try await trainer(directory)
            let error = await #expect(throws: TrainerError.self) {
                try await trainer.save(name: nil, path: directory + "/.x.partial-999999-1", weightsOnly: false)
            }
            #expect(error?.code == .invalidOption, "\(String(describing: error))")
        }
    }

    @Test func aPlaceThatCannotBeWrittenIsAnErrorWithItsPath() async throws {
        try await withTemporaryDirectory { directory in
            try "in the way".write(toFile: directory + "/file", atomically: true, encoding: .utf8)
            let trainer = try await trainer(directory + "/file/checkpoints")
            let error = await #expect(throws: TrainerError.self) { try await trainer.save() }
            #expect(error?.code == .inputOutput)
            #expect(error?.description.contains(directory + "/file") == true)
        }
    }

    @Test func savingAgainUnderTheSameNameReplacesTheCheckpoint() async throws {
        try await withTemporaryDirectory { directory in
            let trainer = try await trainer(directory)
            _ = try await trainer.save(name: "best")
            let golden = try GoldenTensors(Golden.decoder("llama") + "/golden.safetensors")
            _ = try await trainer.forwardBackward(try golden.batch(0))
            _ = try await trainer.optimStep()
            _ = try await trainer.save(name: "best")
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["best"])
            #expect(try await trainer.load().step == 1)
        }
    }

    @Test func aFileThatIsNoModelIsNoCheckpoint() async throws {
        try await withTemporaryDirectory { directory in
            let trainer = try await trainer(directory)
            let file = try await trainer.save().path + "/model.safetensors"
            let error = await #expect(throws: TrainerError.self) { try await trainer.load(file) }
            #expect(error?.code == .checkpointNotFound, "\(String(describing: error))")
        }
    }

    @Test func whatACrashedWriterLeftIsNotRead() async throws {
        try await withTemporaryDirectory { directory in
            let trainer = try await trainer(directory)
            let saved = try await trainer.save().path
            // No process has the largest number there can be.
            try FileManager.default.moveItem(atPath: saved, toPath: directory + "/.step-9.partial-\(Int32.max)-1")
            let error = await #expect(throws: TrainerError.self) { try await trainer.load() }
            #expect(error?.code == .checkpointNotFound)
        }
    }

    @Test func anotherModelsCheckpointIsRefusedAndChangesNothing() async throws {
        try await withTemporaryDirectory { directory in
            let saved = try await trainer(directory + "/a", model: "qwen3").save()
            let trainer = try await trainer(directory + "/b")
            let golden = try GoldenTensors(Golden.decoder("llama") + "/golden.safetensors")
            let before = try await trainer.forward(ForwardInputs(logProbsOf: golden.batch(0)))
            let error = await #expect(throws: TrainerError.self) { try await trainer.load(saved.path) }
            #expect(error?.code == .checkpointMismatch)
            #expect(try await trainer.forward(ForwardInputs(logProbsOf: golden.batch(0))) == before)
        }
    }

    /// The tensors of both have the same names and shapes: what tells them apart is what they compute.
    @Test func aCheckpointOfAnotherModelOfTheSameTensorsIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            let other = try await NativeTrainer(model: Golden.decoder("mistral"), threads: 1)
            let trainer = try await NativeTrainer(model: Golden.decoder("llama"), threads: 1)
            for weightsOnly in [false, true] {
                let saved = try await other.save(name: "\(weightsOnly)", path: directory, weightsOnly: weightsOnly).path
                let error = await #expect(throws: TrainerError.self) { _ = try await trainer.load(saved) }
                #expect(error?.code == .checkpointMismatch, "\(String(describing: error))")
            }
        }
    }

    @Test func anyModelFolderOfTheSameShapeLoadsAsWeights() async throws {
        try await withTemporaryDirectory { directory in
            let loaded = try await trainer(directory).load(Golden.decoder("llama"))
            #expect(loaded.weightsOnly && loaded.step == 0)
        }
    }

    private func run(_ arguments: String...) -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return -1 }
        process.waitUntilExit()
        return process.terminationStatus
    }
}
