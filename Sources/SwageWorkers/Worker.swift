#if Engines
import Foundation
import Swage
import SwageFiles
package import SwageRemote

/// A model in a worker process that lives as long as this does. A worker that has died is started again by
/// `load`, and by nothing else, because it has lost what it had learned.
public actor Worker {
    /// What every worker is told first; engines add their own.
    struct Start {
        /// A folder in Hugging Face's layout.
        var model: String
        /// Where to serve.
        var address: String
        /// A folder of its own, removed with the worker.
        var scratch: String
    }

    private struct Running {
        let process: WorkerProcess
        let remote: RemoteTrainer
        let address: TrainerAddress
    }

    private let environment: WorkerEnvironment
    private let model: ForeignModel
    private let options: @Sendable (Start) throws -> Data
    private let log: @Sendable (String) -> Void
    private var running: Running

    /// Starts a worker and opens a model in it.
    /// - Parameter options: the JSON object that the worker reads first.
    /// - Throws: ``Swage/TrainerError`` with code `missingDependency` if the engine is not installed, or `engineFailed`.
    init(
        _ environment: WorkerEnvironment, model: ForeignModel, log: @escaping @Sendable (String) -> Void,
        options: @escaping @Sendable (Start) throws -> Data
    ) async throws {
        (self.environment, self.model, self.options, self.log) = (environment, model, options, log)
        running = try await Self.start(environment, model, log, options)
    }

    /// The worker's process, so that it can be watched from outside.
    public var processIdentifier: Int32 { running.process.identifier }

    /// Where the worker's process serves.
    package var address: TrainerAddress { running.address }

    /// Calls the worker; if it has died meanwhile, says of what.
    func call<Result: Sendable>(_ body: @Sendable (RemoteTrainer) async throws -> Result) async throws -> Result {
        let running = running
        do {
            return try await body(running.remote)
        } catch let error as TrainerError where error.code == .connectionLost {
            throw await running.process.failureSoon() ?? error
        }
    }

    func load(_ path: String?) async throws -> LoadedCheckpoint {
        if running.process.failure != nil {
            running = try await Self.start(environment, model, log, options)
        }
        return try await call { try await $0.load(path) }
    }

    private static func start(
        _ environment: WorkerEnvironment, _ model: ForeignModel, _ log: @escaping @Sendable (String) -> Void,
        _ options: (Start) throws -> Data
    ) async throws -> Running {
        try environment.requireInstalled()
        let directory = shortTemporaryPath()
        let address = TrainerAddress.socket(directory + "/trainer")
        let started = try WorkerProcess(environment, scratch: directory, log: log)
        do {
            try WorkerEnvironment.makeScratch(directory)
            // transformers reads GGUF, but does not tie its embeddings again, nor save what it has read: it gets a folder.
            let scratch = directory + "/model"
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            let start = Start(model: try model.folder(scratch: scratch), address: "\(address)", scratch: directory)
            started.begin(try options(start))
            try await started.awaitReady()
        } catch {
            started.end()
            try? FileManager.default.removeItem(atPath: directory)
            throw error
        }
        return Running(process: started, remote: try await connect(started, at: address), address: address)
    }

    /// A worker that lives has said that it serves; on a busy machine the connection may take a while all the same.
    private static func connect(_ process: WorkerProcess, at address: TrainerAddress) async throws -> RemoteTrainer {
        let giveUp = ContinuousClock.now + .seconds(120)
        while true {
            do {
                return try await RemoteTrainer(
                    at: address,
                    options: .init(
                        connectTimeout: .seconds(2), workingDirectory: FileManager.default.currentDirectoryPath))
            } catch let error as TrainerError where error.code == .connectionLost {
                if let failure = await process.failureSoon() { throw failure }
                if ContinuousClock.now >= giveUp { throw error }
            }
        }
    }
}

func absolute(_ path: String) -> String { URL(literalPath: path).standardizedFileURL.path }
#endif
