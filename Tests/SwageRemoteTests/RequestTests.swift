#if Engines
import Foundation
import GRPCCore
import Swage
import SwageRemote
import Synchronization
import TestEngines
import TestSupport
import Testing

/// A request is carried out once, however often, in whatever order and by whatever connection it is asked for.
@Suite(.serialized, .timeLimit(.minutes(30))) struct RequestTests {
    private func withStub(
        _ trainer: SlowTrainer, _ body: @Sendable (OddRequests.Stub) async throws -> Void
    ) async throws {
        let served = try await ServedTrainer(trainer)
        do {
            try await OddRequests.withStub(served.address, body)
        } catch {
            await served.stop()
            throw error
        }
        await served.stop()
    }

    private static func step(_ stub: OddRequests.Stub, _ id: String) async -> Result<Int64, RPCError> {
        do {
            return .success(try await stub.optimStep(.with { $0.requestID = id }).step)
        } catch {
            return .failure(error as? RPCError ?? RPCError(code: .unknown, message: "\(error)"))
        }
    }

    private static func number(_ stub: OddRequests.Stub, _ id: String) async throws -> Int64 { try await step(stub, id).get() }

    /// Asks for the same step several times at once.
    private static func steps(_ stub: OddRequests.Stub, _ id: String, count: Int) async -> [Result<Int64, RPCError>] {
        await withTaskGroup { group in
            for _ in 0..<count { group.addTask { await step(stub, id) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test(arguments: [0, 1, 2]) func ofThreeDeliveriesOneIsCarriedOutAtATime(_ failures: Int) async throws {
        let trainer = SlowTrainer(.milliseconds(200), failures: failures)
        try await withStub(trainer) { stub in
            let results = await Self.steps(stub, "x", count: 3)
            let failed = results.count { if case .failure = $0 { true } else { false } }
            #expect(failed == failures, "\(results)")
            #expect(trainer.counts == .init(begun: failures + 1, ended: 1), "\(trainer.counts)")
            let again = try await Self.number(stub, "x")
            #expect(again == 1 && trainer.counts.begun == failures + 1)
        }
    }

    @Test func anIDThatComesAgainForAnotherCallIsRefused() async throws {
        let trainer = SlowTrainer(.milliseconds(200))
        try await withStub(trainer) { stub in
            func forwardBackward() async -> RPCError? {
                do {
                    _ = try await stub.forwardBackward(.with { $0.requestID = "x" })
                    return nil
                } catch { return error as? RPCError }
            }
            async let step = Self.step(stub, "x")
            try await waitUntil("the step") { trainer.counts.begun == 1 }
            let meanwhile = await forwardBackward()
            #expect(try await step.get() == 1)
            let after = await forwardBackward()
            for error in [meanwhile, after] {
                #expect(error?.code == .invalidArgument, "\(String(describing: error))")
                #expect(error?.message.contains("OptimStep") == true, "\(String(describing: error))")
            }
            #expect(trainer.counts.begun == 1)
        }
    }

    @Test func aCancellationThatComesFirstIsHeeded() async throws {
        let trainer = SlowTrainer(.zero)
        try await withStub(trainer) { stub in
            _ = try await stub.cancel(.with { $0.requestID = "x" })
            for _ in 0..<2 {
                guard case .failure(let error) = await Self.step(stub, "x") else {
                    Issue.record("it was carried out")
                    return
                }
                #expect(error.code == .cancelled)
            }
            #expect(trainer.counts.begun == 0)
            #expect(try await Self.number(stub, "y") == 1)
        }
    }

    @Test func cancellingWhatIsDoneChangesNothing() async throws {
        let trainer = SlowTrainer(.zero)
        try await withStub(trainer) { stub in
            #expect(try await Self.number(stub, "x") == 1)
            _ = try await stub.cancel(.with { $0.requestID = "x" })
            #expect(try await Self.number(stub, "x") == 1)
            #expect(trainer.counts.begun == 1)
        }
    }

    @Test func cancellingEndsAllDeliveriesOfWhatIsUnderWay() async throws {
        let trainer = SlowTrainer(.seconds(30))
        try await withStub(trainer) { stub in
            async let deliveries = Self.steps(stub, "x", count: 2)
            try await waitUntil("the step") { trainer.counts.begun == 1 }
            // The second one has to come before the end of the first.
            try await Task.sleep(for: .milliseconds(200))
            _ = try await stub.cancel(.with { $0.requestID = "x" })
            for result in await deliveries {
                guard case .failure(let error) = result else {
                    Issue.record("it was carried out")
                    continue
                }
                #expect(error.code == .cancelled, "\(error)")
            }
            #expect(trainer.counts == .init(begun: 1, cancelled: 1))
        }
    }

    @Test func whatOneCallerHasGivenUpIsCarriedOutForTheOther() async throws {
        let trainer = SlowTrainer(.milliseconds(500))
        try await withStub(trainer) { stub in
            let first = Task { await Self.step(stub, "x") }
            try await waitUntil("the step") { trainer.counts.begun == 1 }
            let second = Task { await Self.step(stub, "x") }
            try await Task.sleep(for: .milliseconds(100))
            first.cancel()
            #expect(try await second.value.get() == 1)
            #expect(trainer.counts == .init(begun: 1, ended: 1), "\(trainer.counts)")
        }
    }

    @Test func aCancelledForwardReachesTheEngine() async throws {
        let trainer = SlowTrainer(.seconds(30))
        try await withServed(trainer) { remote in
            let task = Task { try await remote.forward(ForwardInputs(logProbsOf: TinyModel.batch)) }
            try await waitUntil("the call") { trainer.counts.begun == 1 }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(trainer.counts.cancelled == 1)
        }
    }

    @Test func everyTokenIsToldOnceThoughTheConnectionBreaks() async throws {
        let trainer = try await TinyModel.trainer()
        let served = try await ServedTrainer(trainer, sampler: trainer.sampler)
        guard case .socket(let path) = served.address.kind else { return }
        let wire = try CuttableSocket(to: path)
        let remote = try await RemoteTrainer(at: TrainerAddress("unix:" + wire.path))
        let told = Told()
        let options = SamplingOptions(maxTokens: 300, seed: 3)
        let completions = try await remote.sampler.generate([[5, 9], [7]], options: options) { prompt, token in
            if told.add(prompt, token) == 40 { wire.cut() }
        }
        #expect(told.tokens == completions.map(\.tokens))
        wire.close()
        await served.stop()
    }

    private final class Told: Sendable {
        private let all = Mutex([[Int32]](repeating: [], count: 2))
        var tokens: [[Int32]] { all.withLock { $0 } }

        /// Returns how many there are by now.
        func add(_ prompt: Int, _ token: Int32) -> Int {
            all.withLock { all in
                all[prompt].append(token)
                return all[0].count + all[1].count
            }
        }
    }
}
#endif
