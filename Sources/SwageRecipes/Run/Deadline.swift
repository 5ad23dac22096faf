import SwageFiles

struct DeadlineExceeded: Error {}

/// The result of `body`, or ``DeadlineExceeded`` if it takes longer than that.
///
/// Returns at the deadline, and at a cancellation, also where `body` heeds neither; it then goes on by itself, and what
/// it returns is dropped. Code that blocks its thread blocks one that nothing else needs.
func withDeadline<Result: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let first = FirstResult<Result>()
    let work = first.follow(on: PatientThreads.shared, body)
    let clock = Task {
        try await Task.sleep(for: limit)
        first.settle(.failure(DeadlineExceeded()))
    }
    defer {
        work.cancel()
        clock.cancel()
    }
    return try await withTaskCancellationHandler {
        try await first.value()
    } onCancel: {
        first.settle(.failure(CancellationError()))
    }
}
