#if Engines
import Foundation
import Swage
import SwageNative
import SwageRemote
import SwageWorkers
import TestSupport

/// examples/third_party_trainer.py in a process of its own, which ends with the last reference to it.
package final class ThirdPartyProcess: Sendable {
    private let input: FileHandle
    private let address: TrainerAddress

    /// - Parameters:
    ///   - workspace: the folder in which it is started.
    ///   - checkpoints: the folder below which it saves and loads; by default one in its workspace.
    package init(model: String, workspace: String, checkpoints: String = "checkpoints") throws {
        let socket = shortTemporaryPath()
        address = try TrainerAddress("unix:" + socket)
        try FileManager.default.createDirectory(atPath: workspace, withIntermediateDirectories: true)
        let process = Process()
        // Nobody's trainer has to know of us: a shell ends it when its input ends, however this process does. It may have
        // been started on a thread that blocks signals, so only this one is sure.
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c", #""$@" & trap "kill -9 $!" EXIT; cat > /dev/null"#, "sh", WorkerEnvironment("huggingface").python,
            Golden.repository + "/examples/third_party_trainer.py", model, "unix:" + socket,
            checkpoints,
        ]
        let input = Pipe()
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.currentDirectoryURL = URL(fileURLWithPath: workspace)
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["PYTHONPATH": Golden.repository + "/python/swage_worker/generated", "PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.input = input.fileHandleForWriting
    }

    deinit { try? input.close() }

    /// A trainer that keeps the process alive.
    package func trainer() async throws -> any Trainer {
        Keeping(trainer: try await RemoteTrainer(at: address, options: .init(connectTimeout: .seconds(60))), other: self)
    }
}

/// A native trainer behind a server in this process.
struct ServedElsewhere {
    let trainer: any Trainer

    /// - Parameters:
    ///   - checkpoints: the trainer's own place.
    ///   - allowed: another that clients may use.
    init(_ served: any Trainer, checkpoints: String, allowing allowed: String) async throws {
        let server = try await ServedTrainer(
            served, sampler: (served as? NativeTrainer)?.sampler, checkpoints: checkpoints, allowing: [allowed])
        trainer = Keeping(trainer: try await RemoteTrainer(at: server.address), other: Stopping(server))
    }

    private final class Stopping: Sendable {
        let server: ServedTrainer
        init(_ server: ServedTrainer) { self.server = server }
        deinit {
            let server = server
            Task { await server.stop() }
        }
    }
}
#endif
