import Dispatch

/// Runs an actor's calls one after another in order of arrival, on a thread of its own.
///
/// The default executor may put a call of higher priority first, and a training step would hold one of the few
/// threads that all of Swift's tasks share.
final class EngineExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "swage.native", qos: .userInitiated)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
