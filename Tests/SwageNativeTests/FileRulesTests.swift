import Foundation
import Swage
import SwageNative
import Testing
import TestEngines
import TestSupport

/// What the native engine does to files that are not its own.
@Suite(.timeLimit(.minutes(30))) struct FileRulesTests {
    private func check(_ rule: (FileRules) async throws -> [String]) async throws {
        try await withTemporaryDirectory { folder in
            let problems = try await rule(FileRules(try await TinyModel.trainer(folder + "/default"), in: folder))
            #expect(problems == [], "\(problems.joined(separator: "\n"))")
        }
    }

    @Test func nothingForeignIsReplaced() async throws { try await check { try await $0.checkThatNothingForeignIsReplaced() } }

    @Test func onlyMarkedLeftoversAreRemoved() async throws { try await check { try await $0.checkThatOnlyMarkedLeftoversAreRemoved() } }

    @Test func theClockDecidesNothing() async throws { try await check { try await $0.checkThatTheClockDecidesNothing() } }

    @Test func manifestsAreValidated() async throws { try await check { try await $0.checkThatManifestsAreValidated() } }

    @Test func whatWasWrittenLastStaysWhateverTheClockSays() async throws {
        try await withTemporaryDirectory { folder in
            let trainer = try await NativeTrainer(model: TinyModel.path, checkpointDirectory: folder, keptCheckpoints: 2, threads: 1)
            for _ in 0..<4 {
                let saved = try await trainer.save().path
                #expect(FileManager.default.fileExists(atPath: saved))
                try FileRules.edit(saved) { $0["savedAt"] = UInt64.max / 2 }
                _ = try await trainer.forwardBackward(TinyModel.batch)
                _ = try await trainer.optimStep()
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["step-2", "step-3"])
            // What somebody has put something into is kept, whole.
            try "mine".write(toFile: folder + "/step-2/notes.txt", atomically: false, encoding: .utf8)
            let before = FileRules.digest(folder + "/step-2")
            _ = try await trainer.save()
            #expect(FileRules.digest(folder + "/step-2") == before)
            // Back to an older one: its later steps are written anew, and count as newest.
            _ = try await trainer.load(folder + "/step-3")
            _ = try await trainer.save()
            #expect(try await trainer.load(nil).step == 3)
        }
    }

    @Test func aRemovalThatWasBrokenOffIsGoneOnWith() async throws {
        try await withTemporaryDirectory { folder in
            let trainer = try await TinyModel.trainer(folder)
            let saved = try await trainer.save(name: "a").path
            // A whole checkpoint on its way out, of a process that is no more, with one of its files gone already.
            let hidden = "\(folder)/.a.partial-\(Int32.max)-7"
            try FileManager.default.moveItem(atPath: saved, toPath: hidden)
            try FileManager.default.removeItem(atPath: hidden + "/config.json")
            _ = try await trainer.save(name: "b")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["b"])
        }
    }
}
