import Foundation
import Swage

extension Conformance {
    /// 5. save, go on training, load: the state is that of the save, and going on gives the same losses as before.
    func checkLoadingRestoresTheSave() async throws {
        var probe = probe(5)
        let batches = try (0..<4).map { _ in try probe.batch(rows: 2, columns: 7) }
        let trainer = try await trainer("restore")
        _ = try await trainer.forwardBackward(batches[0])
        _ = try await trainer.optimStep()
        // Saved in the middle of an accumulation, which belongs to the state; of a loss that leaves weights without a gradient, if
        // the trainer takes one.
        let abilities = try await trainer.config().capabilities
        let loss = Self.programs.last.flatMap { abilities.lack(for: $0) == nil ? $0 : nil }
        _ = try await trainer.forwardBackward(batches[1], loss: loss)
        let saved = try await trainer.save(name: "middle", path: nil, weightsOnly: false)
        try expect(saved.path.hasSuffix(defaultPlace("restore") + "/middle"), "save under the name middle went to \(saved.path)")
        let weights = try await fingerprint(trainer)
        let unbroken = try await goOn(trainer, batches)

        let loaded = try await trainer.load(saved.path)
        try expect(loaded.step == 1 && !loaded.weightsOnly, "load of a full checkpoint of step 1 says \(loaded)")
        try await expectStatus(trainer, TrainerStatus(step: 1, accumulatedMicrobatches: 1), "after load")
        try expectSame(try await fingerprint(trainer), weights, "weights after load")
        try expectSame(try await goOn(trainer, batches), unbroken, "losses after load")

        let fresh = try await self.trainer("restore")
        _ = try await fresh.load(nil)
        // What is saved beside takes nothing away: gradients, the optimizer's moments.
        let place = subject.workspace + "/export"
        let watch = SaveWatch(place)
        let exported = try await fresh.save(name: nil, path: place, weightsOnly: true)
        try await watch.end()
        try expect(exported.path.hasSuffix(place), "save at \(place) went to \(exported.path)")
        try await expectStatus(fresh, TrainerStatus(step: 1, accumulatedMicrobatches: 1), "after save of the weights alone")
        try expectSame(try await goOn(fresh, batches), unbroken, "losses of a new trainer after load, and save of the weights alone")
        try await checkWeightsOnly(fresh, exported.path, weights)
    }

    /// The default place; nothing where it is the trainer's own secret, and names are all that can be checked of it.
    private func defaultPlace(_ purpose: String) -> String {
        subject.choosesCheckpointDirectory ? "\(subject.workspace)/\(purpose)" : ""
    }

    private func goOn(_ trainer: any Trainer, _ batches: [TextTrainBatch]) async throws -> [Float] {
        var losses: [Float] = []
        for batch in batches[2...] {
            let result = try await trainer.forwardBackward(batch)
            let step = try await trainer.optimStep()
            losses += [Float(result.loss), Float(step.gradientNorm), Float(step.learningRate)]
        }
        return losses
    }

    /// Weights alone begin anew, in a trainer that has just begun and in one that has an optimizer and gradients.
    private func checkWeightsOnly(_ trainer: any Trainer, _ exported: String, _ weights: [Float]) async throws {
        var probe = probe(16)
        let batch = try probe.batch(rows: 2, columns: 5)
        func begin(_ other: any Trainer) async throws -> [Float] {
            let loaded = try await other.load(exported)
            try expect(loaded.weightsOnly && loaded.step == 0, "load of a weights-only checkpoint says \(loaded)")
            try await expectStatus(other, TrainerStatus(step: 0, accumulatedMicrobatches: 0), "after load of a weights-only checkpoint")
            try expectSame(try await fingerprint(other), weights, "weights of a weights-only checkpoint")
            _ = try await other.forwardBackward(batch)
            _ = try await other.optimStep()
            return try await fingerprint(other)
        }
        let fresh = try await begin(try await self.trainer("weights"))
        let used = try await self.trainer("weights-used")
        _ = try await used.forwardBackward(try probe.batch(rows: 1, columns: 4))
        _ = try await used.optimStep()
        _ = try await used.forwardBackward(batch)
        try expectSame(try await begin(used), fresh, "weights after a step on a weights-only checkpoint, in a trainer that had taken steps before")
    }

    /// 6. A checkpoint is complete or not there, its name is what `save` was told, and `load(nil)` takes the newest
    /// complete one.
    func checkCheckpointsAreCompleteOrAbsent() async throws {
        var probe = probe(6)
        let batch = try probe.batch(rows: 2, columns: 6)
        let place = subject.workspace + "/complete"
        let trainer = noted(try await subject.makeTrainer(place))
        if subject.choosesCheckpointDirectory {
            try await expectError([.checkpointNotFound], "load with no checkpoint there") { _ = try await trainer.load() }
        }
        let prefix = defaultPlace("complete")
        // A name alone and a path alone stand in promise 5, which saves by them: saves are what takes long here.
        let names: [(name: String?, path: String?, weightsOnly: Bool, expected: String)] = [
            ("named", subject.workspace + "/chosen", false, subject.workspace + "/chosen/named"),
            (nil, nil, true, prefix + "/weights-step-0"),
            (nil, nil, false, prefix + "/step-0"),
        ]
        var last = ""
        for (name, path, weightsOnly, expected) in names {
            last = try await trainer.save(name: name, path: path, weightsOnly: weightsOnly).path
            try expect(last.hasSuffix(expected), "save went to \(last), expected \(expected)")
        }
        let first = try await fingerprint(trainer)
        _ = try await trainer.forwardBackward(batch)
        _ = try await trainer.optimStep()
        let newest = try await trainer.save()
        try expect(newest.path.hasSuffix(prefix + "/step-1"), "save went to \(newest.path), expected \(prefix)/step-1")
        try await checkReplacing(trainer)
        try await checkDamage(trainer, newest.path, fallback: last, fallbackWeights: first)
        try await checkOwnPlace()
    }

    /// A checkpoint takes the place of an earlier one, and of nothing that no trainer has written.
    private func checkReplacing(_ trainer: any Trainer) async throws {
        var probe = probe(17)
        _ = try await trainer.forwardBackward(try probe.batch(rows: 1, columns: 4))
        _ = try await trainer.optimStep()
        let weights = try await fingerprint(trainer)
        let place = try await trainer.save(name: "named", path: subject.workspace + "/chosen", weightsOnly: true).path
        let loaded = try await trainer.load(place)
        try expect(loaded.weightsOnly && loaded.step == 0, "load of weights alone that have replaced a full checkpoint says \(loaded)")
        try expectSame(try await fingerprint(trainer), weights, "weights of a checkpoint that has replaced another")
        // Somebody has put a file of his own there.
        let note = place + "/notes.txt"
        try Data("not of this checkpoint".utf8).write(to: URL(literalPath: note))
        try await expectError([.notAllowed], "save over a checkpoint beside whose files another lies") {
            _ = try await trainer.save(name: nil, path: place, weightsOnly: true)
        }
        try expect(FileManager.default.contents(atPath: note) != nil, "save has removed a file that no trainer has written from a checkpoint")

        let (foreign, file) = (subject.workspace + "/chosen/foreign", subject.workspace + "/chosen/foreign/notes.txt")
        try FileManager.default.createDirectory(atPath: foreign, withIntermediateDirectories: true)
        try Data("not a checkpoint".utf8).write(to: URL(literalPath: file))
        try await expectError([.notAllowed], "save over a folder that no trainer has written") {
            _ = try await trainer.save(name: nil, path: foreign, weightsOnly: false)
        }
        try expect(FileManager.default.contents(atPath: file) != nil, "save has removed a file that no trainer has written")
        try FileManager.default.removeItem(atPath: foreign)
    }

    /// A checkpoint that has lost a part is refused, and `load(nil)` falls back to the one before it.
    private func checkDamage(
        _ trainer: any Trainer, _ newest: String, fallback: String, fallbackWeights: [Float]
    ) async throws {
        var probe = probe(18)
        let exported = try await trainer.save(name: nil, path: subject.workspace + "/chosen/cut", weightsOnly: true).path
        _ = try await trainer.forwardBackward(try probe.batch(rows: 1, columns: 4))
        let (weights, status) = (try await fingerprint(trainer), try await trainer.status())
        for (checkpoint, kind) in [(exported, "weights-only "), (newest, "")] {
            try FileManager.default.truncateLargestFile(in: checkpoint)
            try await expectError([.corruptFile, .checkpointNotFound], "load of a truncated \(kind)checkpoint") {
                _ = try await trainer.load(checkpoint)
            }
            try expectSame(try await fingerprint(trainer), weights, "weights after the load that failed")
            try await expectStatus(trainer, status, "after the load that failed")
        }
        let loaded = try await trainer.load()
        try expect(loaded.path == fallback, "load took \(loaded.path), expected \(fallback)")
        try expectSame(try await fingerprint(trainer), fallbackWeights, "weights of the checkpoint before")
    }
}

extension FileManager {
    /// How many bytes a file has; 0 where there is none.
    func size(_ path: String) -> Int { (try? attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue ?? 0 }

    /// Leaves half of the largest file of a checkpoint, as a full disk might.
    func truncateLargestFile(in checkpoint: String) throws {
        let all = try subpathsOfDirectory(atPath: checkpoint).sorted().map { checkpoint + "/" + $0 }
        guard let largest = all.filter(isFile).max(by: { size($0) < size($1) }) else {
            throw ConformanceFailure(description: "\(checkpoint), which save has answered, holds no file")
        }
        let handle = try FileHandle(forWritingTo: URL(literalPath: largest))
        try handle.truncate(atOffset: UInt64(size(largest) / 2))
        try handle.close()
    }

    private func isFile(_ path: String) -> Bool {
        (try? attributesOfItem(atPath: path)[.type] as? FileAttributeType) == .typeRegular
    }
}
