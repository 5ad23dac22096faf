#if Engines
import Foundation
import Swage
import SwageNative
import SwageRemote
import Synchronization
import TestEngines
import TestSupport
import Testing

/// A server that is to end takes no more work, and nothing that was learned is lost by it.
@Suite(.timeLimit(.minutes(10))) struct ClosingTests {
    private static func served(
        _ directory: String, saving: Duration, saved: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> (ServedTrainer, RemoteTrainer) {
        var limits = TrainerServer.Limits()
        limits.saving = saving
        let served = try await ServedTrainer(
            try await TinyModel.trainer(directory), checkpoints: directory, limits: limits, savesAtEnd: true, saved: saved)
        return (served, try await RemoteTrainer(at: served.address))
    }

    @Test func aClientSavesWhatItHasLearnedAndTheServerEnds() async throws {
        try await withTemporaryDirectory { directory in
            let byServer = Mutex<String?>(nil)
            let (served, remote) = try await Self.served(directory, saving: .seconds(300)) { path in byServer.withLock { $0 = path } }
            _ = try await remote.forwardBackward(TinyModel.batch)
            _ = try await remote.optimStep()
            async let end: Void = served.stop()
            try await waitUntil("the end of work") { (try? await remote.forwardBackward(TinyModel.batch)) == nil }
            let error = await #expect(throws: TrainerError.self) { try await remote.optimStep() }
            #expect(error?.code == .busy && error?.message.contains("stopped") == true, "\(String(describing: error))")
            #expect(try await remote.status().step == 1)
            try await remote.clearGradients()
            let saved = try await remote.save()
            await end
            #expect(try await TinyModel.trainer(directory).load(saved.path).step == 1)
            #expect(byServer.withLock { $0 } == nil)
        }
    }

    @Test func whatNobodySavesTheServerDoes() async throws {
        try await withTemporaryDirectory { directory in
            let byServer = Mutex<String?>(nil)
            let (served, remote) = try await Self.served(directory, saving: .milliseconds(200)) { path in byServer.withLock { $0 = path } }
            _ = try await remote.forwardBackward(TinyModel.batch)
            _ = try await remote.optimStep()
            await served.stop()
            let path = try #require(byServer.withLock { $0 })
            #expect(path.contains("/left-at-step-1-"), "\(path)")
            #expect(try await TinyModel.trainer(directory).load(path).step == 1)
        }
    }

    @Test func aClientThatNeverEndsItsConnectionHoldsNobodyUp() async throws {
        let served = try await ServedTrainer(SlowTrainer(.zero))
        let deaf = try RawClient(served.address)
        try deaf.begin("ForwardBackward", messageBytes: 100 << 20, sending: 60_000)
        _ = try await RemoteTrainer(at: served.address).status()
        let taken = await ContinuousClock().measure { await served.stop() }
        #expect(taken < .seconds(60), "\(taken)")
        withExtendedLifetime(deaf) {}
    }

    @Test func aServerWithNothingToSaveEndsAtOnce() async throws {
        try await withTemporaryDirectory { directory in
            let (served, remote) = try await Self.served(directory, saving: .seconds(600))
            _ = try await remote.forwardBackward(TinyModel.batch)
            _ = try await remote.optimStep()
            _ = try await remote.save()
            await served.stop()
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasPrefix("step-") } == ["step-1"])
        }
    }
}
#endif
