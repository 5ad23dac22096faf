#if Engines
import GRPCCore
import Swage
import SwageRemote
import SwageWorkers
import TestEngines
import TestSupport
import Testing

extension WorkerTests {
    /// A worker takes requests as a server of the native engine does.
    @Suite(.serialized, .timeLimit(.minutes(30))) struct WorkerRequestTests {
        private static let engines = ["huggingface", "titan"].filter { WorkerEnvironment($0).isInstalled }

        private static func start(_ engine: String) async throws -> any WorkerTrainer {
            if engine == "huggingface" {
                return try await HuggingFaceTrainer(model: TinyModel.path, optimizer: TinyModel.optimizer)
            }
            var options = TitanTrainer.Options()
            options.threads = 1
            return try await TitanTrainer(model: TinyModel.path, optimizer: TinyModel.optimizer, options: options)
        }

        @Test(arguments: engines) func oddRequestsAreRefusedAndChangeNothing(_ engine: String) async throws {
            let trainer = try await Self.start(engine)
            let sampler = (trainer as? HuggingFaceTrainer)?.sampler
            let own = try await OddRequests.failures(await trainer.worker.address, writes: sampler != nil)
            #expect(own == [])
            let served = try await ServedTrainer(trainer, sampler: sampler)
            let failures = try await OddRequests.failures(served.address, writes: sampler != nil)
            #expect(failures == [])
            await served.stop()
            _ = try await trainer.forwardBackward(TinyModel.batch)
            #expect(try await trainer.optimStep().step == 1)
        }

        @Test(.enabled(if: WorkerEnvironment("huggingface").isInstalled))
        func cancellationsAreTakenHoweverManyCallsWait() async throws {
            let trainer = try await Self.start("huggingface")
            try await OddRequests.withStub(await trainer.worker.address) { stub in
                let long = Task {
                    let request = Swage_V1_GenerateRequest.with {
                        $0.requestID = "long"
                        $0.prompts = [.with { $0.tokens = [1] }]
                        $0.maxTokens = 100_000
                        $0.temperature = 1
                        $0.topP = 1
                        $0.concurrency = 1
                        $0.endOfSequenceIds = []
                    }
                    try await stub.generate(request) { for try await _ in $0.messages {} }
                }
                try await Task.sleep(for: .seconds(1))
                let waiting = (0..<90).map { _ in Task { try await stub.getStatus(.init()).step } }
                try await Task.sleep(for: .seconds(1))
                let begin = ContinuousClock.now
                _ = try await stub.cancel(.with { $0.requestID = "long" })
                let error = await #expect(throws: RPCError.self) { try await long.value }
                #expect(error?.code == .cancelled, "\(String(describing: error))")
                for call in waiting { #expect(try await call.value == 0) }
                let taken = begin.duration(to: .now)
                #expect(taken < .seconds(5), "it took \(taken)")
            }
        }

        @Test(.enabled(if: WorkerEnvironment("huggingface").isInstalled))
        func aRequestIsCarriedOutOnce() async throws {
            let trainer = try await Self.start("huggingface")
            _ = try await trainer.forwardBackward(TinyModel.batch)
            try await OddRequests.withStub(await trainer.worker.address) { stub in
                let steps = try await withThrowingTaskGroup(of: Int64.self) { group in
                    for _ in 0..<20 { group.addTask { try await stub.optimStep(.with { $0.requestID = "x" }).step } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(steps == Array(repeating: 1, count: 20))
                let other = await #expect(throws: RPCError.self) { _ = try await stub.save(.with { $0.requestID = "x" }) }
                #expect(other?.message.contains("OptimStep") == true, "\(String(describing: other))")
                _ = try await stub.cancel(.with { $0.requestID = "y" })
                let cancelled = await #expect(throws: RPCError.self) { _ = try await stub.optimStep(.with { $0.requestID = "y" }) }
                #expect(cancelled?.code == .cancelled)
                #expect(try await stub.getStatus(.init()).step == 1)
            }
        }
    }
}
#endif
