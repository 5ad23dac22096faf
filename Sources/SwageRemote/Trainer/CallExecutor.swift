#if Engines
import Dispatch

/// Runs what a connection does on threads of its own, so that a caller may hold the one that it is on until an answer comes.
final class CallExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "swage.connection", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
#endif
