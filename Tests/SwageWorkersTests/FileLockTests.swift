#if Engines
import Foundation
import SwageWorkers
import Synchronization
import TestSupport
import Testing

@Suite struct FileLockTests {
    @Test func theSecondWaitsForTheFirst() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/of/the/lock"
            var first: FileLock? = try FileLock(path) { Issue.record("nobody holds it") }
            let (waiting, signal) = AsyncStream.makeStream(of: Void.self)
            let hasIt = Mutex(false)
            let thread = Thread {
                let second = try? FileLock(path) { signal.yield() }
                hasIt.withLock { $0 = second != nil }
                signal.finish()
            }
            thread.start()
            var events = waiting.makeAsyncIterator()
            #expect(await events.next() != nil, "the second did not have to wait")
            try await Task.sleep(for: .milliseconds(100))
            #expect(!hasIt.withLock { $0 })
            withExtendedLifetime(first) {}
            first = nil
            #expect(await events.next() == nil)
            #expect(hasIt.withLock { $0 })
        }
    }
}
#endif
