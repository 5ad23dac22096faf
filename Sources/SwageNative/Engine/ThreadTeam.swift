import CSwageKernels
import Swage
import Synchronization

/// The threads that share the work of a kernel.
///
/// Work is divided by sizes alone, so that results are the same from run to run at a fixed number of threads. One
/// caller at a time.
///
/// `@unchecked` because of the pointer: it never changes, and what it points to guards itself.
package final class ThreadTeam: @unchecked Sendable {
    package let count: Int
    let members: OpaquePointer

    /// For how long callers have waited for the other threads, in nanoseconds.
    var waited: UInt64 { swage_team_waited(members) }

    /// - Throws: ``TrainerError`` if the system does not give so many threads.
    package init(count: Int) throws {
        guard count > 0, let members = swage_team_create(Int32(clamping: count)) else {
            throw TrainerError(
                .invalidOption, "\(count) threads could not be started", expected: "1 or more, most often one a core")
        }
        self.count = count
        self.members = members
    }

    deinit { swage_team_destroy(members) }

    /// Calls `body` once for each part of `0..<total`, one part a thread.
    /// - Parameter granularity: parts begin at multiples of it.
    package func split(_ total: Int, granularity: Int = 1, _ body: (_ thread: Int, _ part: Range<Int>) -> Void) {
        let units = (total + granularity - 1) / granularity
        let parts = parts(of: total, granularity: granularity)
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

    /// How many parts `split` makes of `total`.
    func parts(of total: Int, granularity: Int = 1) -> Int { min(count, (total + granularity - 1) / granularity) }

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

    /// Within a part of ``split(_:granularity:_:)`` that is one of several: returns when all of them have come here.
    func meet() { swage_team_meet(members) }

    /// What `body` returns for each of `0..<count`, computed by all threads.
    func map<Result>(_ count: Int, _ body: (Int) -> Result) -> [Result] {
        [Result](unsafeUninitializedCapacity: count) { results, initialized in
            let start = results.baseAddress
            run(jobs: count) { _, index in (start! + index).initialize(to: body(index)) }
            initialized = count
        }
    }

    private func perform(_ parts: Int, _ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: body) { body in
                let work: @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void = { body, part in
                    body!.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(part))
                }
                swage_team_run(members, Int32(parts), work, UnsafeMutableRawPointer(mutating: body))
            }
        }
    }
}
