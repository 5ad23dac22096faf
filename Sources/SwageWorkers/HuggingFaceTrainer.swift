#if Engines
import Foundation
import Swage
import SwageFiles
import SwageRemote
import SwageText

/// Any causal model of Hugging Face's transformers, trained by PyTorch in a worker process that lives as long as this
/// trainer does.
public final class HuggingFaceTrainer: Trainer {
    public struct Options: Sendable {
        /// `cpu`, `cuda`, …; nil for a GPU where there is one.
        public var device: String?
        /// torch's name of the weights' type.
        public var dtype = "float32"
        /// transformers' name of the attention implementation.
        public var attention = "sdpa"
        /// How many threads the worker uses; nil for torch's choice.
        public var threads: Int?

        public init() {}
    }

    private struct WorkerOptions: Encodable {
        var model: String
        var optimizer: OptimizerOptions
        var loss: LossFunction
        var checkpointDirectory: String
        var keptCheckpoints: Int?
        var device: String?
        var dtype: String
        var attention: String
        var threads: Int?
        var address: String
        /// What to write beside exported weights, by file name.
        var companions: [String: Data]
        var name: String
    }

    private let worker: WorkerProcess
    private let remote: RemoteTrainer
    private let socketDirectory: String
    private let ownTokenizer: Result<BPETokenizer, TrainerError>

    /// Starts a worker and opens a model in it.
    ///
    /// - Parameters:
    ///   - model: a GGUF file, or a folder in Hugging Face's layout.
    ///   - chatTemplate: the name of a chat format (`chatml`, `llama3`) or a Jinja template, instead of the model's.
    ///   - log: told what the worker writes to its standard error.
    /// - Throws: ``Swage/TrainerError`` with code `missingDependency` if the engine is not installed, or `engineFailed`.
    public init(
        model: String, optimizer: OptimizerOptions = .init(), loss: LossFunction = .crossEntropy,
        checkpointDirectory: String = "default", keptCheckpoints: Int? = nil, chatTemplate: String? = nil,
        options: Options = .init(), environment: WorkerEnvironment = .init("huggingface"), log: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws {
        try optimizer.validate()
        let files = try ModelFiles.open(model, chatTemplate: chatTemplate)
        ownTokenizer = files.tokenizer
        func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
        // A folder that nobody else can enter, with a name short enough for a socket's.
        socketDirectory = "/tmp/swage-\(UUID().uuidString.prefix(12))"
        try FileManager.default.createDirectory(
            atPath: socketDirectory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let address = TrainerAddress.socket(socketDirectory + "/trainer")
        // transformers reads GGUF, but does not tie its embeddings again, nor save what it has read: it gets a folder.
        let folder = socketDirectory + "/model"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        if files.isSingleFile {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            try files.export(to: folder)
        }
        let encoded = try JSONEncoder().encode(
            WorkerOptions(
                model: files.isSingleFile ? folder : absolute(model), optimizer: optimizer, loss: loss,
                checkpointDirectory: absolute(checkpointDirectory), keptCheckpoints: keptCheckpoints,
                device: options.device, dtype: options.dtype, attention: options.attention, threads: options.threads,
                address: "\(address)", companions: files.companions, name: files.configuration.name))
        worker = try WorkerProcess(environment, options: encoded, log: log)
        do {
            try await worker.awaitReady()
            remote = try await RemoteTrainer(at: address, options: .init(connectTimeout: .seconds(2)))
        } catch {
            worker.end()
            try? FileManager.default.removeItem(atPath: socketDirectory)
            throw error
        }
    }

    deinit {
        worker.end()
        try? FileManager.default.removeItem(atPath: socketDirectory)
    }

    /// The worker's process, so that it can be watched from outside.
    public var workerIdentifier: Int32 { worker.identifier }

    /// Calls the worker; if it has died meanwhile, says of what.
    private func call<Result>(_ body: (RemoteTrainer) async throws -> Result) async throws -> Result {
        do {
            return try await body(remote)
        } catch let error as TrainerError where error.code == .connectionLost {
            throw await worker.failureSoon() ?? error
        }
    }

    public func forwardBackward(_ batch: TextTrainBatch, loss: LossFunction?) async throws -> ForwardBackwardResult {
        try await call { try await $0.forwardBackward(batch, loss: loss) }
    }

    public func optimStep() async throws -> OptimStepResult { try await call { try await $0.optimStep() } }

    public func clearGradients() async throws { try await call { try await $0.clearGradients() } }

    public func forward(_ inputs: ForwardInputs) async throws -> ForwardOutputs {
        try await call { try await $0.forward(inputs) }
    }

    public func save(name: String?, path: String?, weightsOnly: Bool) async throws -> SavedCheckpoint {
        try await call { try await $0.save(name: name, path: path, weightsOnly: weightsOnly) }
    }

    public func load(_ path: String?) async throws -> LoadedCheckpoint { try await call { try await $0.load(path) } }

    public func config() async throws -> TrainerConfig { try await call { try await $0.config() } }

    public func status() async throws -> TrainerStatus { try await call { try await $0.status() } }

    public func tokenizer() async throws -> any Tokenizer { try ownTokenizer.get() }
}
#endif
