#if Engines
import Foundation
import Swage
import Synchronization

/// A worker in Python while it lives: started, watched, and ended with this process however that ends.
///
/// The worker's standard input stays open as long as this process lives, and the worker ends when it closes; signals that
/// reach both, such as Ctrl-C's, are this process's to heed. Whichever of the two ends last removes the worker's folder.
final class WorkerProcess: Sendable {
    private struct State {
        var lastLines: [String] = []
        var rest = ""
        var status: Int32?
    }

    /// The process, as long as it runs, and its number.
    private final class Life: Sendable {
        let state = Mutex((process: Process?.none, identifier: Int32(0)))
    }

    private let state = Mutex(State())
    private let life = Life()
    private let engine: String
    private let input: FileHandle
    private let ready: AsyncStream<Void>

    /// - Parameters:
    ///   - scratch: the path of the worker's own folder, for all of its temporary files. What is there is removed when the worker
    ///     ends, and so it is made only once the worker is started.
    ///   - log: told every line that the worker writes to standard error.
    init(_ environment: WorkerEnvironment, scratch: String, log: @escaping @Sendable (String) -> Void) throws {
        engine = environment.engine
        let (ready, signal) = AsyncStream.makeStream(of: Void.self)
        self.ready = ready
        let (toWorker, fromWorker, errors) = (Pipe(), Pipe(), Pipe())
        input = toWorker.fileHandleForWriting
        let process = Process()
        process.executableURL = URL(literalPath: environment.python)
        process.arguments = ["-m", "swage_worker", environment.engine, scratch]
        process.environment = environment.processEnvironment(scratch: scratch)
        process.standardInput = toWorker
        process.standardOutput = fromWorker
        process.standardError = errors

        fromWorker.fileHandleForReading.readToEnd { if String(decoding: $0, as: UTF8.self).contains("ready") { signal.yield() } }
        errors.fileHandleForReading.readToEnd { [weak self] in for line in self?.take($0) ?? [] { log(line) } }
        process.terminationHandler = { [weak self, life] process in
            life.state.withLock { $0.process = nil }
            process.removeWhatItLeft(scratch: scratch)
            self?.state.withLock { $0.status = process.terminationStatus }
            signal.finish()
        }
        // Its end waits to be told of until its number is known.
        try life.state.withLock {
            try process.run()
            $0 = (process, process.processIdentifier)
        }
    }

    /// Tells the worker its options, one JSON object, with which it begins. If it ends before it has read them, that is what there
    /// is to say.
    func begin(_ options: Data) { try? input.write(contentsOf: options + Data("\n".utf8)) }

    deinit { end() }

    /// Returns when the worker serves.
    /// - Throws: ``Swage/TrainerError`` with code `engineFailed` if it ends instead.
    func awaitReady() async throws {
        for await _ in ready { return }
        try Task.checkCancellation()
        // No other worker would fare better: what it says has to be mended.
        throw TrainerError(.engineFailed, failure?.message ?? "the \(engine) worker ended before it was ready")
    }

    /// What the worker died of; nil while it lives.
    var failure: TrainerError? {
        state.withLock { state in
            guard let status = state.status else { return nil }
            // What the worker itself says of its end is all that there is to say.
            let said = state.lastLines.last { $0.hasPrefix("swage: ") }.map { String($0.dropFirst("swage: ".count)) }
            let lines = said.map { " \($0)" } ?? state.lastLines.suffix(6).reduce("") { $0 + "\n\($1)" }
            return TrainerError(
                .engineFailed, "the \(engine) worker ended with status \(status)\(lines.isEmpty ? "" : ":" + lines)",
                expected: "a worker that lives; load a checkpoint in a new one to go on")
        }
    }

    /// What the worker died of, if it dies within a second: a broken connection is noticed before the end of a process.
    func failureSoon() async -> TrainerError? {
        for _ in 0..<20 {
            if let failure { return failure }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }

    var identifier: Int32 { life.state.withLock { $0.identifier } }

    func end() {
        try? input.close()
        // It ends with its input at once, unless it is stuck where it cannot notice.
        DispatchQueue.global().asyncAfter(deadline: .now() + 10) { [life] in
            life.state.withLock { if $0.process != nil { _ = kill($0.identifier, SIGKILL) } }
        }
    }

    /// The whole lines that `data` completes.
    private func take(_ data: Data) -> [String] {
        state.withLock { state in
            state.rest += String(decoding: data, as: UTF8.self)
            var lines = state.rest.components(separatedBy: "\n")
            state.rest = lines.removeLast()
            let full = lines.filter { !$0.isEmpty }
            state.lastLines = Array((state.lastLines + full).suffix(40))
            return full
        }
    }
}
#endif
