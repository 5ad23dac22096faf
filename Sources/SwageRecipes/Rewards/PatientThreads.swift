import Dispatch
import Foundation
import Synchronization

/// Runs code that may block its thread: there is always another one. Swift's own few may not be blocked, and Dispatch's
/// run out.
final class PatientThreads: TaskExecutor {
    static let shared = PatientThreads()

    private struct State {
        var jobs: [UnownedJob] = []
        var idleThreads = 0
    }

    /// How long a thread waits for more to do.
    private static let patience = DispatchTimeInterval.seconds(10)

    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let wakes = state.withLock { state in
            state.jobs.append(job)
            guard state.idleThreads > 0 else { return false }
            state.idleThreads -= 1
            return true
        }
        if wakes { work.signal() } else { Thread { self.run() }.start() }
    }

    private func run() {
        while true {
            if let job = nextJob() {
                job.runSynchronously(on: asUnownedTaskExecutor())
            } else if work.wait(timeout: .now() + Self.patience) == .timedOut, retires() {
                return
            }
        }
    }

    /// The next job; a thread that gets none is idle from then on.
    private func nextJob() -> UnownedJob? {
        state.withLock { state in
            if !state.jobs.isEmpty { return state.jobs.removeFirst() }
            state.idleThreads += 1
            return nil
        }
    }

    /// Whether an idle thread may end: not if a job has been meant for it since.
    private func retires() -> Bool {
        state.withLock { state in
            guard state.idleThreads > 0 else { return false }
            state.idleThreads -= 1
            return true
        }
    }
}
