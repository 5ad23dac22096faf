import Dispatch
import Foundation

/// Runs `operation`, and cancels it at the first Ctrl-C (or termination signal). A second one ends the program.
func cancelledByInterrupt<Result: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let task = Task { try await operation() }
    let sources = [SIGINT, SIGTERM].map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            if task.isCancelled { exit(128 + number) }
            writeToStandardError("\nStopping; once more to stop at once.\n")
            task.cancel()
        }
        source.resume()
        return source
    }
    defer { for source in sources { source.cancel() } }
    return try await task.value
}
