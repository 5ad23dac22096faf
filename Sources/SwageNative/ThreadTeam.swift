import Dispatch
import Synchronization

/// The threads that share the work of a kernel.
///
/// Work is divided by sizes alone, so that results are the same from run to run at a fixed number of threads.
package struct ThreadTeam: Sendable {
    package let count: Int

    package init(count: Int) { self.count = max(1, count) }

    /// Calls `body` once for each part of `0..<total`, one part a thread.
    /// - Parameter granularity: parts begin at multiples of it.
    func split(_ total: Int, granularity: Int = 1, _ body: (_ thread: Int, _ part: Range<Int>) -> Void) {
        let units = (total + granularity - 1) / granularity
        let parts = min(count, units)
        guard parts > 1 else {
            if total > 0 { body(0, 0..<total) }
            return
        }
        perform(parts) { thread in
            let begin = units * thread / parts * granularity
            let end = min(total, units * (thread + 1) / parts * granularity)
            body(thread, begin..<end)
        }
    }

    /// Calls `body` once for each job, in order of the jobs as threads become free. Jobs must not depend on the
    /// thread that runs them.
    func run(jobs: Int, _ body: (_ thread: Int, _ job: Int) -> Void) {
        let parts = min(count, jobs)
        guard parts > 1 else {
            for job in 0..<jobs { body(0, job) }
            return
        }
        let next = Atomic<Int>(0)
        perform(parts) { thread in
            while true {
                let job = next.add(1, ordering: .relaxed).oldValue
                guard job < jobs else { return }
                body(thread, job)
            }
        }
    }

    private func perform(_ parts: Int, _ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            // Safe: the call returns only when every part has ended, and callers give each part its own memory.
            nonisolated(unsafe) let body = body
            DispatchQueue.concurrentPerform(iterations: parts) { body($0) }
        }
    }
}
