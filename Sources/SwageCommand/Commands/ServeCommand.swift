#if Engines
import ArgumentParser
import Foundation
import Logging
import Swage
import SwageFiles
import SwageRecipes
import SwageRemote
import SwageText

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Let other processes train with a model.",
        discussion: """
            Serves the trainer of any engine at an address. Beyond this machine that takes a token and a certificate; \
            on loopback and on a Unix socket both are optional. Clients save and load below --checkpoints, and below each \
            --allow, and nowhere else:

              swage serve --model model.gguf --listen localhost:50051 --allow runs
              swage sft --engine remote --address localhost:50051 --data chats.jsonl --output runs/mine
            """)

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @OptionGroup(title: "Optimizer") var optimizerOptions: OptimizerArguments

    @Option(help: .init("Where to listen: host:port, with port 0 for any that is free, or unix:/path/of/a/socket.", valueName: "address"))
    var listen = "localhost:50051"

    @Option(help: .init("The step at which the learning-rate schedule ends.", valueName: "n"))
    var steps = 100

    @Option(help: .init("The default place of checkpoints, below which clients may save and load.", valueName: "path"))
    var checkpoints = "checkpoints"

    @Option(
        help: .init("One more folder below which clients may save and load, such as that of the runs of this machine. Can be given again.", valueName: "path"))
    var allow: [String] = []

    @Option(help: "A PEM file of the server's certificate chain.")
    var certificate: String?

    @Option(help: "A PEM file of the certificate's private key.")
    var privateKey: String?

    @Option(help: .init("The most memory that a call may ask for at once, such as 8G. Without it, what the machine has.", valueName: "size"))
    var memoryLimit: String?

    func validate() throws {
        try modelOptions.validate(EngineUse(optimizer: optimizerOptions, serves: true))
        if let memoryLimit, MemoryBudget.bytes(memoryLimit) == nil {
            throw ValidationError("--memory-limit \(memoryLimit) is not a number of bytes, or as in 8G.")
        }
        if (certificate == nil) != (privateKey == nil) {
            throw ValidationError("--certificate and --private-key go together.")
        }
    }

    func run() async throws {
        if let memoryLimit {
            MemoryBudget.limit = MemoryBudget.bytes(memoryLimit)
            // Workers read it there.
            setenv(MemoryBudget.variable, memoryLimit, 1)
        }
        let address = try TrainerAddress(listen)
        let identity = certificate.map { TrainerServer.Identity(certificateChain: $0, privateKey: privateKey!) }
        let token = try modelOptions.remote.token()
        try checkFolders()
        let lock = try Self.lock(checkpoints)
        defer { withExtendedLifetime(lock) {} }
        async let files = modelOptions.digests()
        let optimizer = optimizerOptions.options(totalSteps: steps)
        let engine = try await modelOptions.start(optimizer: optimizer, checkpointDirectory: checkpoints)
        let digests = try await files.merging([TrainerConfig.optimizerDigest: optimizer.digest()]) { own, _ in own }
        let server = try TrainerServer(
            engine.trainer, sampler: engine.sampler, at: address, checkpoints: checkpoints, allowing: allow,
            token: token, identity: identity, digests: digests)
        let logger = modelOptions.logger()
        try await server.run {
            logger.notice("serving \(modelOptions.modelName) at \($0)")
        } saved: {
            logger.notice("what was learned and nobody has saved is at \($0)")
        }
    }

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for folders that cannot be served.
    private func checkFolders() throws {
        try ResolvedPath.requireFolder(checkpoints, "--checkpoints")
        for folder in allow { try ResolvedPath.requireFolder(folder, "--allow") }
        // A run goes on from what is newest there, and its checkpoints are replaced by no one else.
        if let folder = RunDirectory.runs(around: checkpoints).first {
            throw TrainerError(
                .invalidOption, "--checkpoints is \(checkpoints), and \(folder) is a run's",
                expected: "a folder of the server's own; --allow \(folder) lets a client's run save there")
        }
    }

    /// Two servers in one folder would replace each other's checkpoints of the same step.
    private static func lock(_ checkpoints: String) throws -> FolderLock {
        do {
            try FileManager.default.createDirectory(atPath: checkpoints, withIntermediateDirectories: true)
        } catch {
            throw TrainerError(.inputOutput, "\(checkpoints) cannot be created: \(error.summary)")
        }
        return try FolderLock(checkpoints + "/.serve.lock", of: checkpoints, instead: "other --checkpoints")
    }
}
#endif
