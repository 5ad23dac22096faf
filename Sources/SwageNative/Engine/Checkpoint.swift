/// Hands `body` a look at whether the calling task was cancelled, which any thread may take while `body` runs: of the
/// threads of a team, only the caller's belongs to the task.
func withCheckpoint<Result>(_ body: (_ checkpoint: @escaping () throws -> Void) throws -> Result) rethrows -> Result {
    try withUnsafeCurrentTask { task in
        try body { if task?.isCancelled == true { throw CancellationError() } }
    }
}
