#if Engines
import GRPCCore
import SwageFiles
import SwageRemote
import Synchronization
import TestSupport
import Testing

/// A call that takes long is ended once its trainer is known to be gone, and not before.
@Suite(.timeLimit(.minutes(5))) struct ConnectionWatchTests {
    private final class Looks: Sendable {
        let answers: [RPCError.Code?]
        private let count = Mutex(0)
        let isLost = Mutex(false)

        init(_ answers: [RPCError.Code?]) { self.answers = answers }

        var number: Int { count.withLock { $0 } }

        func look() throws {
            let index = count.withLock { count in
                defer { count += 1 }
                return count
            }
            if let code = answers[min(index, answers.count - 1)] { throw RPCError(code: code, message: "gone") }
        }
    }

    @Test(
        arguments: [
            ([.unavailable], true), ([nil, nil, .aborted], true), ([.unavailable, .unavailable, nil, nil], false), ([nil], false),
            ([.deadlineExceeded], true), ([.deadlineExceeded, .deadlineExceeded, .deadlineExceeded, nil], false),
            ([.unavailable, .deadlineExceeded, .unavailable, nil], false),
        ] as [([RPCError.Code?], Bool)])
    func itIsLostWhenItIsGoneOrSilentLooksInARow(_ answers: [RPCError.Code?], _ isLost: Bool) async throws {
        let looks = Looks(answers)
        let watch = ConnectionWatch(every: .milliseconds(2)) {
            try looks.look()
        } lost: {
            looks.isLost.withLock { $0 = true }
        }
        try await waitUntil("looks") { looks.number >= answers.count + 20 || looks.isLost.withLock { $0 } }
        #expect(looks.isLost.withLock { $0 } == isLost && (watch.loss != nil) == isLost, "\(answers): \(looks.number) looks")
        watch.end()
    }

    /// gRPC loses a cancellation that comes before a call waits for a connection.
    @Test func aClientThatIsCancelledBeforeItConnectsEnds() async throws {
        for _ in 0..<20 {
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                _ = try await RemoteTrainer(at: .socket(shortTemporaryPath()))
            }
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func theFirstResultIsTheResult() async throws {
        let (early, late) = (FirstResult<Int>(), FirstResult<Int>())
        early.settle(.success(1))
        early.settle(.success(2))
        #expect(try await early.value() == 1)
        let waiting = Task { try await late.value() }
        let task = late.follow {
            try await Task.sleep(for: .seconds(3600))
            return 0
        }
        late.settle(.failure(CancellationError()))
        await #expect(throws: CancellationError.self) { try await waiting.value }
        task.cancel()
    }
}
#endif
