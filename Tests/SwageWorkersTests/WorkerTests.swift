#if Engines
import Testing

/// All that starts workers, two at a time: most of what a worker takes is its start, which is one core's work.
@Suite(AtMost(2)) enum WorkerTests {}

/// Lets no more than a number of a suite's tests run at once.
struct AtMost: SuiteTrait, TestTrait, TestScoping {
    private actor Slots {
        private var free: Int
        private var waiting: [CheckedContinuation<Void, Never>] = []

        init(_ count: Int) { free = count }

        func take() async {
            if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
        }

        func giveBack() {
            if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
        }
    }

    private let slots: Slots
    var isRecursive: Bool { true }

    init(_ count: Int) { slots = Slots(count) }

    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        await slots.take()
        do {
            try await function()
        } catch {
            await slots.giveBack()
            throw error
        }
        await slots.giveBack()
    }
}
#endif
