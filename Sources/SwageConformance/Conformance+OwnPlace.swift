import Foundation
import Swage

extension Conformance {
    /// The default place that a trainer has of itself takes what is named and what is not, and `load(nil)` finds the newest there.
    /// What may lie there is left as it is, and what is written goes again.
    func checkOwnPlace() async throws {
        guard let makeInOwnPlace = subject.makeInOwnPlace else { return }
        var probe = probe(19)
        let trainer = noted(try await makeInOwnPlace())
        let name = "conformance-\(UUID().uuidString)"
        var written: [String] = []
        defer { for path in written { try? FileManager.default.removeItem(atPath: path) } }

        let named = try await trainer.save(name: name, path: nil, weightsOnly: false).path
        guard FileManager.default.fileExists(atPath: named) else {
            throw ConformanceFailure(description: "save under the name \(name) says \(named), where nothing is")
        }
        written.append(named)
        try expect(named.hasSuffix("/" + name), "save under the name \(name) went to \(named)")
        let place = String(named.dropLast(name.count + 1))

        _ = try await trainer.forwardBackward(try probe.batch(rows: 2, columns: 6))
        _ = try await trainer.optimStep()
        let weights = try await fingerprint(trainer)
        // A time stamp tells which is newer, and some file systems count in hundredths of a second.
        try await Task.sleep(for: .milliseconds(50))
        // Where somebody's own numbered checkpoints lie, another might take the place of one, or have the oldest removed.
        let others = try FileManager.default.contentsOfDirectory(atPath: place)
        guard !others.contains(where: { $0.hasPrefix("step-") || $0.hasPrefix("weights-step-") }) else { return }
        for (expected, weightsOnly) in [("weights-step-1", true), ("step-1", false)] {
            let path = try await trainer.save(name: nil, path: nil, weightsOnly: weightsOnly).path
            written.append(path)
            try expect(path == "\(place)/\(expected)", "save without a name or a path went to \(path), expected \(place)/\(expected)")
        }
        _ = try await trainer.forwardBackward(try probe.batch(rows: 1, columns: 4))
        let loaded = try await trainer.load()
        try expect(loaded.path == "\(place)/step-1", "load without a path took \(loaded.path), expected the newest, \(place)/step-1")
        try expect(loaded.step == 1 && !loaded.weightsOnly, "load of a full checkpoint of step 1 says \(loaded)")
        try await expectStatus(trainer, TrainerStatus(step: 1, accumulatedMicrobatches: 0), "after load without a path")
        try expectSame(try await fingerprint(trainer), weights, "weights after load without a path")

        // Weights alone under a name, of a later step, are the newest.
        _ = try await trainer.forwardBackward(try probe.batch(rows: 1, columns: 4))
        _ = try await trainer.optimStep()
        try await Task.sleep(for: .milliseconds(50))
        let later = try await trainer.save(name: name + "-2", path: nil, weightsOnly: true).path
        written.append(later)
        let newest = try await trainer.load()
        try expect(
            newest.path == later && newest.weightsOnly, "load without a path took \(newest), expected the newest, the weights alone at \(later)")
        try await checkNoneInsteadOf(later, trainer)
    }

    /// Whoever names a checkpoint wants that one, and no other where it cannot be read.
    private func checkNoneInsteadOf(_ named: String, _ trainer: any Trainer) async throws {
        let weights = try await fingerprint(trainer)
        try FileManager.default.truncateLargestFile(in: named)
        for (path, what) in [(named, "truncated"), (named + "-none", "missing")] {
            try await expectError([.corruptFile, .checkpointNotFound], "load of a \(what) checkpoint by its path, beside others that are whole") {
                _ = try await trainer.load(path)
            }
        }
        try expectSame(try await fingerprint(trainer), weights, "weights after loads of checkpoints that cannot be read")
    }
}
