/// Cancels the task it is called in, at this very moment. Another task that were to cancel it could come too late on a
/// busy machine.
public func cancelThisTask() {
    withUnsafeCurrentTask { $0?.cancel() }
}
