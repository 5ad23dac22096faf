#if Engines
import Foundation
import Swage
import SwageNative
import SwageRemote
import TestEngines
import TestSupport
import Testing

/// What a server's clients can reach of its files.
@Suite(.serialized, .timeLimit(.minutes(30))) struct ServedFoldersTests {
    @Test func aMaliciousClientReachesNothingBesideTheServedFolder() async throws {
        try await withTemporaryDirectory { folder in
            try await MaliciousClient.prepare(folder)
            let trainer = try await TinyModel.trainer(folder + "/served")
            try await withServed(trainer, checkpoints: folder + "/served") { remote in
                let problems = try await MaliciousClient(remote, in: folder).attack()
                #expect(problems == [], "\(problems.joined(separator: "\n"))")
            }
        }
    }

    @Test func whoeverNamesNoFolderServesItsOwnPlaceAlone() async throws {
        try await withTemporaryDirectory { folder in
            try await withServed(try await TinyModel.trainer(folder + "/own")) { remote in
                let saved = try await remote.save(name: "a")
                #expect(saved.path == folder + "/own/a")
                #expect(try await remote.load(nil).path == saved.path)
                for path in [folder + "/own/b", "b", saved.path] {
                    let error = await #expect(throws: TrainerError.self) { _ = try await remote.save(path: path) }
                    #expect(error?.code == .notAllowed, "\(String(describing: error))")
                    await #expect(throws: TrainerError.self) { _ = try await remote.load(path) }
                }
            }
            #expect(throws: TrainerError.self) {
                try TrainerServer(SlowTrainer(.zero), at: .socket(shortTemporaryPath()), allowing: [folder])
            }
        }
    }

    /// What is left of "$UNSET/".
    @Test(arguments: ["/", "//", "", " ", "/.", "/tmp/.."]) func noServedFolderIsAllOfTheDisk(_ folder: String) throws {
        for (checkpoints, others) in [(folder, []), (NSTemporaryDirectory() + UUID().uuidString, [folder])] {
            let error = #expect(throws: TrainerError.self) {
                try TrainerServer(SlowTrainer(.zero), at: .socket(shortTemporaryPath()), checkpoints: checkpoints, allowing: others)
            }
            #expect(error?.code == .invalidOption && error?.expected?.contains("may be unset") == true, "\(String(describing: error))")
            #expect(!FileManager.default.fileExists(atPath: checkpoints) || checkpoints == folder)
        }
    }

    @Test func moreFoldersAreServedIfTheServerWasToldOfThem() async throws {
        try await withTemporaryDirectory { folder in
            let served = try await ServedTrainer(
                try await TinyModel.trainer(folder + "/own"), checkpoints: folder + "/own", allowing: [folder + "/runs"])
            let remote = try await RemoteTrainer(at: served.address)
            #expect(try await remote.save(path: "sub/a").path == folder + "/own/sub/a")
            let exported = try await remote.save(name: nil, path: folder + "/runs/mine/model", weightsOnly: true)
            #expect(exported.path == folder + "/runs/mine/model")
            #expect(try await remote.load(exported.path).weightsOnly)
            // The folder itself, with a name.
            #expect(try await remote.save(name: "b", path: folder + "/runs").path == folder + "/runs/b")
            // A link from one to the other leads to where it may.
            try FileManager.default.createSymbolicLink(atPath: folder + "/own/runs", withDestinationPath: folder + "/runs")
            #expect(try await remote.save(path: "runs/c").path == folder + "/runs/c")

            try await remote.requireAccess(to: folder + "/runs/mine")
            let error = await #expect(throws: TrainerError.self) { try await remote.requireAccess(to: folder + "/other") }
            #expect(error?.code == .notAllowed && error?.expected?.contains("--allow \(folder)/other") == true, "\(String(describing: error))")
            await served.stop()
        }
    }

    @Test func aFolderThatIsExchangedForALinkLeadsNowhere() async throws {
        try await withTemporaryDirectory { folder in
            let own = folder + "/own"
            try await withServed(try await TinyModel.trainer(own), checkpoints: own) { remote in
                _ = try await remote.save(name: "a")
                try FileManager.default.moveItem(atPath: own, toPath: folder + "/moved")
                try FileManager.default.createSymbolicLink(atPath: own, withDestinationPath: folder + "/moved")
                for call in [
                    { _ = try await remote.save() }, { _ = try await remote.save(name: "b") }, { _ = try await remote.load("a") },
                    { _ = try await remote.load() },
                ]
                    as [@Sendable () async throws -> Void]
                {
                    let error = await #expect(throws: TrainerError.self) { try await call() }
                    #expect(error?.code == .notAllowed, "\(String(describing: error))")
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/moved") == ["a"])
            }
        }
    }

    @Test func nothingIsRemovedOfTheCallersPlaceByItsNameAlone() async throws {
        try await withTemporaryDirectory { folder in
            let place = folder + "/mine"
            for step in [1, 90] {
                try FileManager.default.createDirectory(atPath: "\(place)/step-\(step)", withIntermediateDirectories: true)
                try "a photo".write(toFile: "\(place)/step-\(step)/a.jpg", atomically: false, encoding: .utf8)
            }
            try await withServed(
                try await TinyModel.trainer(folder + "/its"), checkpoints: folder,
                options: .init(checkpointDirectory: place, keptCheckpoints: 1)
            ) { remote in
                _ = try await remote.save()
                for _ in 0..<3 {
                    _ = try await remote.forwardBackward(TinyModel.batch)
                    _ = try await remote.optimStep()
                    if try await remote.status().step > 1 { _ = try await remote.save() }
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: place).sorted() == ["step-1", "step-3", "step-90"])
                #expect(try await remote.load() == LoadedCheckpoint(path: place + "/step-3", step: 3, weightsOnly: false))
                // From an older one on, and with a clock that went back.
                try FileRules.edit(place + "/step-3") { $0["savedAt"] = UInt64.max / 2 }
                let older = try await remote.save(name: "older", path: folder + "/its")
                _ = try await remote.load(older.path)
                let saved = try await remote.save(name: "again")
                #expect(try await remote.load().path == saved.path)
            }
        }
    }
}
#endif
