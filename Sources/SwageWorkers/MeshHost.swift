#if Engines
import Foundation
import Swage
import SwageRemote

/// One machine of a mesh: runs the ranks that a ``TitanTrainer`` starts there. It ends with this process.
///
/// Whoever reaches the address can run code here: it is for a network that nobody else is on.
public final class MeshHost: Sendable {
    private let input: FileHandle
    private let identifier: Int32
    private let ended: AsyncStream<Int32>

    /// Returns when ranks can be started.
    /// - Parameters:
    ///   - address: where to listen, by a name that the other machines know: `tcp://host:port`.
    ///   - environment: the Python that the ranks run in; by default what `swage setup titan` has installed here.
    /// - Throws: ``Swage/TrainerError`` with code `missingDependency` if the engine is not installed, or `engineFailed`.
    public init(at address: String, environment: WorkerEnvironment = .init("titan")) async throws {
        try environment.requireInstalled()
        let process = Process()
        process.executableURL = URL(literalPath: environment.python)
        let scratch = shortTemporaryPath()
        process.arguments = ["-m", "swage_worker.titan.host", address, scratch]
        process.environment = environment.processEnvironment(scratch: scratch)
        let (pipe, output) = (Pipe(), Pipe())
        process.standardInput = pipe
        process.standardOutput = output
        input = pipe.fileHandleForWriting
        let (ended, signal) = AsyncStream.makeStream(of: Int32.self)
        self.ended = ended
        process.terminationHandler = {
            $0.removeWhatItLeft(scratch: scratch)
            signal.yield($0.terminationStatus)
            signal.finish()
        }
        try process.run()
        identifier = process.processIdentifier
        try WorkerEnvironment.makeScratch(scratch)
        let (ready, reading) = AsyncStream.makeStream(of: Void.self)
        output.fileHandleForReading.readToEnd({ _ in reading.yield() }, end: { reading.finish() })
        for await _ in ready { return }
        await end()
        try Task.checkCancellation()
        throw TrainerError(.engineFailed, "the mesh's host at \(address) ended before it was ready")
    }

    deinit { try? input.close() }

    /// Returns when the task is cancelled.
    /// - Throws: ``Swage/TrainerError`` with code `engineFailed` if the host ends before that.
    public func wait() async throws {
        for await status in ended {
            throw TrainerError(.engineFailed, "the mesh's host ended with status \(status)")
        }
        await end()
    }

    /// Returns when the process has ended, which it is made to.
    private func end() async {
        try? input.close()
        let (identifier, ended) = (identifier, ended)
        // While it starts, it does not notice that its input is closed.
        let killing = Task.detached {
            try await Task.sleep(for: .seconds(2))
            kill(identifier, SIGKILL)
        }
        await Task.detached { for await _ in ended {} }.value
        killing.cancel()
    }
}
#endif
