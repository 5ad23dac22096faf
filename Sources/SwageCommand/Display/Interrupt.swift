import ArgumentParser
import Foundation
import Synchronization

/// The signals that ask a program to end: Ctrl-C, termination, a terminal that is gone.
///
/// The first one cancels the command, which keeps what it has and ends; a second one ends the program at once.
enum Interrupt {
    private struct State {
        var first: Int32?
        var isHeeded = false
    }

    private static let state = Mutex(State())

    /// What a command that was interrupted ends with: 128 and the number of the signal.
    static var exitCode: ExitCode { ExitCode(128 + (state.withLock { $0.first } ?? SIGINT)) }

    /// Says that the command that runs ends by itself when it is cancelled. One that does not is ended by the first signal.
    static func heed() { state.withLock { $0.isHeeded = true } }

    /// Runs something that signals can cancel.
    static func cancelling(_ body: @escaping @Sendable () async -> Void) async {
        let task = Task { await body() }
        watch { number in
            let endsAtOnce = state.withLock { state in
                defer { state.first = state.first ?? number }
                return state.first != nil || !state.isHeeded
            }
            // No handler, lock or buffer of this process may hold that up.
            if endsAtOnce { _exit(128 + number) }
            task.cancel()
            writeToStandardError("\nStopping; once more to stop at once.\n")
        }
        await task.value
    }

    /// Calls `body` with each signal, on a thread of its own.
    private static func watch(_ body: @escaping @Sendable (Int32) -> Void) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // A signal never waits for the thread to read.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        signalPipe = ends[1]
        let input = ends[0]
        Thread.detachNewThread {
            var number: UInt8 = 0
            while true {
                let count = read(input, &number, 1)
                if count == 1 { body(Int32(number)) } else if errno != EINTR { return }
            }
        }
        for number in [SIGINT, SIGTERM] { signal(number, passOn) }
        // A program that was started to outlive its terminal, as by nohup, does.
        let before = signal(SIGHUP, SIG_IGN)
        if unsafeBitCast(before, to: Int.self) != unsafeBitCast(SIG_IGN, to: Int.self) { signal(SIGHUP, passOn) }
    }
}

/// Where ``passOn`` writes. Nothing races for it: it is set before the handler that reads it is installed, and never again.
private nonisolated(unsafe) var signalPipe: Int32 = -1

/// A handler of signals may do next to nothing; this one writes a byte.
private let passOn: @convention(c) (Int32) -> Void = { number in
    let before = errno
    var byte = UInt8(truncatingIfNeeded: number)
    _ = write(signalPipe, &byte, 1)
    errno = before
}
