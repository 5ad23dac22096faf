#if Engines
import Foundation
import GRPCCore
import Swage
import SwageNative
import SwageRemote
import SwageWorkers
import SwiftProtobuf
import TestEngines
import TestSupport
import Testing

/// What a server does for its clients at once has limits, and nobody else suffers by those who reach them.
@Suite(.serialized, .timeLimit(.minutes(30))) struct LimitTests {
    @Test func aThousandTasksOfOneTrainerAllGetAnswers() async throws {
        let trainer = SlowTrainer(.milliseconds(1))
        try await withServed(trainer) { remote in
            let steps = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<1000 { group.addTask { try await remote.optimStep().accumulatedMicrobatches } }
                return try await group.reduce(0, +)
            }
            #expect(steps == 1000)
            #expect(trainer.counts == .init(begun: 1000, ended: 1000), "\(trainer.counts)")
        }
    }

    @Test func aTaskThatIsCancelledBeforeItsTurnIsNotSent() async throws {
        let trainer = SlowTrainer(.seconds(30))
        try await withServed(trainer) { remote in
            let tasks = (0..<20).map { _ in Task { try await remote.optimStep() } }
            try await waitUntil("the first call") { trainer.counts.begun > 0 }
            for task in tasks { task.cancel() }
            for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
            #expect(trainer.counts.begun <= 16 && trainer.counts.ended == 0, "\(trainer.counts)")
        }
    }

    @Test func theTimeThatACallWaitsForOthersCounts() async throws {
        let trainer = SlowTrainer(.seconds(30))
        try await withServed(trainer, options: .init(callTimeout: .milliseconds(500))) { remote in
            let begin = ContinuousClock.now
            let codes = await withTaskGroup(of: TrainerError.Code?.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        do {
                            _ = try await remote.optimStep()
                            return nil
                        } catch { return (error as? TrainerError)?.code }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes == Array(repeating: .deadlineExceeded, count: 40))
            #expect(begin.duration(to: .now) < .seconds(5))
        }
    }

    @Test func callsBeyondTheLimitAreRefusedInWordsAndCancellationsTaken() async throws {
        var limits = TrainerServer.Limits()
        limits.calls = 4
        let trainer = SlowTrainer(.seconds(30))
        let served = try await ServedTrainer(trainer, limits: limits)
        try await OddRequests.withStub(served.address) { stub in
            let calls = (0..<12).map { index in
                Task { _ = try await stub.optimStep(.with { $0.requestID = "\(index)" }) }
            }
            try await waitUntil("the fourth call") { trainer.counts.begun == 4 }
            // Those that are refused are at once; the others end by their cancellation.
            for index in 0..<12 { _ = try await stub.cancel(.with { $0.requestID = "\(index)" }) }
            var codes: [String] = []
            for call in calls {
                let error = await #expect(throws: RPCError.self) { try await call.value }
                codes.append(error.flatMap { Array($0.metadata[stringValues: "swage-error-code"]).first } ?? "\(error!.code)")
                #expect(error?.message.isEmpty == false)
            }
            #expect(Set(codes).isSubset(of: ["busy", "cancelled"]) && codes.count { $0 == "cancelled" } >= 4, "\(codes)")
            #expect(trainer.counts.begun == 4 && trainer.counts.cancelled == 4, "\(trainer.counts)")
        }
        await served.stop()
    }

    private static func batch(bytes: Int) -> TextTrainBatch {
        var batch = TinyModel.batch
        batch.lossInputs["much"] = Tensor(repeating: 0, shape: [bytes / 4])
        return batch
    }

    @Test func requestsThatHoldTooMuchTogetherAreRefused() async throws {
        var limits = TrainerServer.Limits()
        limits.requestBytes = 4 << 20
        let trainer = SlowTrainer(.milliseconds(800))
        let served = try await ServedTrainer(trainer, limits: limits)
        let clients = [try await RemoteTrainer(at: served.address), try await RemoteTrainer(at: served.address)]
        let first = Task { try await clients[0].forwardBackward(Self.batch(bytes: 3 << 20)) }
        try await waitUntil("the first request") { trainer.counts.begun == 1 }
        let error = await #expect(throws: TrainerError.self) { try await clients[1].forwardBackward(Self.batch(bytes: 2 << 20)) }
        #expect(error?.code == .busy, "\(String(describing: error))")
        _ = try await clients[1].status()
        _ = try await first.value
        // One request is taken however much it is, once nothing else is held.
        try await waitUntil("room") { (try? await clients[1].forwardBackward(Self.batch(bytes: 9 << 20))) != nil }
        await served.stop()
    }

    @Test func aRequestThatStopsHalfwayIsEndedAndItsRoomFree() async throws {
        var limits = TrainerServer.Limits()
        limits.requestBytes = 100_000
        limits.stall = .milliseconds(400)
        let served = try await ServedTrainer(SlowTrainer(.zero), limits: limits)
        let remote = try await RemoteTrainer(at: served.address)
        // A half request may have stalled for too long before another is looked at: then it is sent again.
        var halves: [RawClient] = []
        try await waitUntil("a request refused beside half a one") {
            let half = try RawClient(served.address)
            try half.begin("ForwardBackward", messageBytes: 100 << 20, sending: 60_000)
            halves.append(half)
            return (try? await remote.forwardBackward(Self.batch(bytes: 50_000))) == nil
        }
        _ = try await remote.status()
        try await waitUntil("room") { (try? await remote.forwardBackward(Self.batch(bytes: 50_000))) != nil }
        await served.stop()
    }

    @Test func aClientThatReadsNothingIsLeftAndOthersAreServed() async throws {
        var limits = TrainerServer.Limits()
        limits.answerBytes = 100 << 20
        limits.stall = .seconds(4)
        let trainer = SlowTrainer(.zero, outputSize: 16 << 20)
        let served = try await ServedTrainer(trainer, limits: limits)
        let remote = try await RemoteTrainer(at: served.address)
        var deaf: [RawClient] = []
        let request = Swage_V1_ForwardRequest.with {
            $0.inputIds = .with {
                $0.type = .int32
                $0.shape = [1, 1]
                $0.data = Data(count: 4)
            }
            $0.outputs = ["logits"]
        }
        let inputs = ForwardInputs(inputIDs: Tensor(repeating: 0, shape: [1, 1]), outputs: [.logits])
        // Which of two answers is there first, and which is refused, is nobody's to say.
        try await waitUntil("the refusal of a second answer") {
            let ended = trainer.counts.ended
            deaf.append(try RawClient(served.address))
            try deaf.last?.send("Forward", request.serializedData())
            try await waitUntil("the answer that is not read") { trainer.counts.ended > ended }
            do {
                _ = try await remote.forward(inputs)
                return false
            } catch let error as TrainerError where error.code == .busy {
                return true
            }
        }
        _ = try await remote.optimStep()
        try await waitUntil("room for the next answer") { (try? await remote.forward(inputs))?.logits?.scalars.count == 16 << 20 }
        await served.stop()
    }

    @Test func aThousandConnectionsAndBrokenHandshakesLeaveTheServerServing() async throws {
        let served = try await ServedTrainer(SlowTrainer(.zero))
        var clients: [RawClient] = []
        for index in 0..<1000 {
            let client = try RawClient(served.address)
            switch index % 4 {
            case 0: try? client.write(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            case 1: try? client.write([0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3] + Array(repeating: 7, count: 500))
            case 2: try? client.begin("GetStatus", extraHeader: 1 << 20)
            default: break
            }
            clients.append(client)
        }
        let remote = try await RemoteTrainer(at: served.address)
        #expect(try await remote.optimStep().step == 1)
        #expect(clients.count == 1000)
        await served.stop()
    }

    @Test func oddRequestsAreRefusedAndChangeNothing() async throws {
        let trainer = try await TinyModel.trainer()
        let served = try await ServedTrainer(trainer, sampler: trainer.sampler)
        let failures = try await OddRequests.failures(served.address, writes: true)
        #expect(failures == [])
        await served.stop()
    }

    /// Twenty seconds of what `make fuzz-service` does for longer.
    @Test(.enabled(if: WorkerEnvironment("huggingface").isInstalled)) func randomRequestsLeaveTheServerAsItWas() async throws {
        let bundle = Bundle.main.executableURL ?? URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0])
        let program = bundle.resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("swage").path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: WorkerEnvironment("huggingface").python)
        process.arguments = [
            "-B", Golden.repository + "/Tests/ServiceFuzzer/fuzz_service.py", "--program", program, "--model", TinyModel.path,
            "--seconds", "20", "--seed", "11", "--patience", "10",
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["PYTHONPATH": Golden.repository + "/python/swage_worker/generated"]) { $1 }
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("swage-fuzz-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: output) }
        let log = try FileHandle(forWritingTo: output)
        process.standardOutput = log
        process.standardError = log
        try process.run()
        for _ in 0..<3000 where process.isRunning { try await Task.sleep(for: .milliseconds(100)) }
        if process.isRunning { process.terminate() }
        let words = try String(contentsOf: output, encoding: .utf8)
        #expect(!process.isRunning && process.terminationStatus == 0, "\(words.suffix(4000))")
        #expect(words.contains("requests"), "\(words.suffix(4000))")
    }
}
#endif
