import Dispatch
import Foundation
import Synchronization

/// Work that blocks its thread, on several threads of its own.
enum Concurrently {
    /// Things that are taken one after another, by whoever asks.
    final class Queue<Element: Sendable>: Sendable {
        private let rest: Mutex<ArraySlice<Element>>

        init(_ elements: [Element]) { rest = Mutex(elements[...]) }

        func next() -> Element? { rest.withLock { $0.popFirst() } }
    }

    /// Runs `body` on so many threads, or on fewer where there are fewer things, and waits for all.
    /// - Throws: the first error.
    static func run<Element: Sendable>(
        _ elements: [Element], workers: Int, _ body: @escaping @Sendable (Queue<Element>) throws -> Void
    ) throws {
        let queue = Queue(elements)
        let failure = Box()
        let group = DispatchGroup()
        for _ in 0..<min(workers, elements.count) {
            group.enter()
            Thread {
                do { try body(queue) } catch { failure.keep(error) }
                group.leave()
            }.start()
        }
        group.wait()
        if let error = failure.error { throw error }
    }

    /// Runs `body` on a thread of its own.
    static func apart<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try body() }) }.start()
        }
    }

    private final class Box: Sendable {
        private let first = Mutex<(any Error)?>(nil)
        var error: (any Error)? { first.withLock { $0 } }
        func keep(_ error: any Error) { first.withLock { $0 = $0 ?? error } }
    }
}
