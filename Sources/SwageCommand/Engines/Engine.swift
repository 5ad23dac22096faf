import Logging
import ArgumentParser
import Foundation
import Swage
import SwageNative

#if Engines
import SwageRemote
import SwageWorkers
#endif

/// The engines that a command can run on. They are named in this file and nowhere else.
enum Engine: String, CaseIterable, ExpressibleByArgument {
    case native, huggingface, titan, remote
}

/// A model in its engine.
struct StartedEngine {
    let trainer: any Trainer
    /// Nil where the engine has none.
    var sampler: (any Sampler)?
    /// Where the time has gone so far; nil if the engine does not record it.
    var profile: () async throws -> ProfileReport? = { nil }

    /// Makes sure that the model can take rows of such a length, and so many of them at once.
    ///
    /// The default of all commands may be longer than what a small model knows, whose data says what it needs: that is said.
    /// - Throws: ``UsageError`` or ``TrainerError``.
    func requireRoom(rows: Int, of sequenceLength: Int, isTraining: Bool = true) async throws {
        let config = try await trainer.config()
        func size(_ name: String) -> Int? { if case .integer(let size)? = config.modelConfiguration[name] { size } else { nil } }
        if let positions = size("max_position_embeddings"), sequenceLength > positions {
            guard sequenceLength == DataReading.usualSequenceLength else {
                throw UsageError(
                    "--sequence-length is \(sequenceLength), and \(config.modelName) knows \(positions) positions",
                    expected: "at most \(positions)")
            }
            writeToStandardError(
                "\(config.modelName) knows \(positions) positions, and rows have up to \(sequenceLength): what lies beyond is new to it, "
                    + "and cut off by --sequence-length \(positions).\n")
        }
        guard trainer is NativeTrainer, let layers = size("num_hidden_layers"), let width = size("hidden_size") else { return }
        // The memory is this machine's. What enters each layer is kept for the way back.
        try MemoryBudget.require([rows, sequenceLength, isTraining ? layers : 1, width], of: Float.self, for: "a batch in \(config.modelName)")
    }

    /// - Throws: ``TrainerError`` with code `unsupported` where the engine has no sampler.
    func requireSampler() throws -> any Sampler {
        guard let sampler else {
            throw TrainerError(.unsupported, "this engine does not write", expected: "native, huggingface, or a server that does")
        }
        return sampler
    }
}

extension ModelOptions {
    /// Opens the model in its engine.
    /// - Parameters:
    ///   - checkpointDirectory: the default place of checkpoints; that of a trainer on another machine is its own.
    ///   - keptCheckpoints: how many numbered ones stay there; nil for all.
    ///   - output: a folder in which the trainer will have to save; a server that may not is an error at once.
    ///   - profiles: whether the engine records where its time goes.
    func start(
        optimizer: OptimizerOptions = .init(), checkpointDirectory: String = "swage-checkpoints", keptCheckpoints: Int? = nil,
        output: String? = nil, profiles: Bool = false
    ) async throws -> StartedEngine {
        switch engine {
        case .native:
            try chooseMatrixLibrary()
            let trainer = try await NativeTrainer(
                model: try requireModel(), optimizer: optimizer, checkpointDirectory: checkpointDirectory,
                keptCheckpoints: keptCheckpoints, chatTemplate: chatTemplate, threads: threads, profiles: profiles)
            if let unread = try trainer.unreadTensors { logger().warning("\(modelName): \(unread)") }
            return StartedEngine(trainer: trainer, sampler: trainer.sampler) {
                try await trainer.profile().map(ProfileReport.init)
            }
        case .huggingface, .titan:
            return try await startWorker(
                optimizer: optimizer, checkpointDirectory: checkpointDirectory, keptCheckpoints: keptCheckpoints)
        case .remote:
            return try await remote.connect(
                checkpointDirectory: checkpointDirectory, keptCheckpoints: keptCheckpoints, output: output)
        }
    }

    /// Says where products take longer than they would have to.
    private func chooseMatrixLibrary() throws {
        guard try MatrixLibrary.automatic.use() == nil, ProcessInfo.processInfo.environment["SWAGE_BLAS"] != "none" else { return }
        logger().warning("no CBLAS was found, and Swage's own kernels take up to half again as long: `apt install libopenblas0`, or SWAGE_BLAS")
    }

    /// Opens the model for writing alone.
    /// - Parameter inEightBits: whether its matrices are read in 8 bits.
    func startSampler(inEightBits: Bool = false) async throws -> (sampler: any Sampler, tokenizer: any Tokenizer) {
        guard engine == .native || engine == .titan else {
            guard !inEightBits else {
                throw TrainerError(.unsupported, "the engine \(engine.rawValue) does not read weights in 8 bits", expected: "native")
            }
            let started = try await start()
            return (try started.requireSampler(), try await started.trainer.tokenizer())
        }
        try chooseMatrixLibrary()
        let sampler = try await NativeSampler(
            model: try requireModel(), weights: inEightBits ? .eightBit : .float32, chatTemplate: chatTemplate, threads: threads)
        if let unread = try sampler.unreadTensors { logger().warning("\(modelName): \(unread)") }
        return (sampler, try sampler.tokenizer())
    }

    /// The sampler of a trainer that is to be trained: its own, or a native one that gets its weights, where it has none.
    func sampler(for started: StartedEngine) async throws -> any Sampler {
        if let sampler = started.sampler { return sampler }
        guard model != nil else {
            throw TrainerError(
                .unsupported, "\(modelName) does not write", expected: "a trainer with a sampler, or --model for one that gets its weights")
        }
        return try await NativeSampler(model: try requireModel(), chatTemplate: chatTemplate, threads: threads)
    }

    /// The model as it is before a run, in weights of its own that stay as they are.
    func startReference() async throws -> any Trainer {
        guard engine == .remote else { return try await start().trainer }
        guard let model else {
            throw TrainerError(
                .invalidOption, "the server at \(modelName) has one set of weights, which is to be trained",
                expected: "--model, which is read here as the reference, or --kl-coefficient 0")
        }
        return try await NativeTrainer(model: model, chatTemplate: chatTemplate, threads: threads)
    }
}

/// What a build without the other engines says of them.
private let engineIsNotBuilt = TrainerError(
    .missingDependency, "this build of swage has the native engine alone",
    expected: "`make engines`, which builds the others in")

extension ModelOptions {
    #if Engines
    private func startWorker(
        optimizer: OptimizerOptions, checkpointDirectory: String, keptCheckpoints: Int?
    ) async throws -> StartedEngine {
        let logger = logger()
        let log: @Sendable (String) -> Void = { logger.info("worker: \($0)") }
        if engine == .titan {
            return StartedEngine(
                trainer: try await TitanTrainer(
                    model: try requireModel(), optimizer: optimizer, checkpointDirectory: checkpointDirectory,
                    keptCheckpoints: keptCheckpoints, chatTemplate: chatTemplate,
                    options: worker.titan(threads: threads), log: log))
        }
        let trainer = try await HuggingFaceTrainer(
            model: try requireModel(), optimizer: optimizer, checkpointDirectory: checkpointDirectory,
            keptCheckpoints: keptCheckpoints, chatTemplate: chatTemplate,
            options: worker.huggingFace(threads: threads), log: log)
        return StartedEngine(trainer: trainer, sampler: trainer.sampler)
    }
    #else
    private func startWorker(
        optimizer: OptimizerOptions, checkpointDirectory: String, keptCheckpoints: Int?
    ) async throws -> StartedEngine { throw engineIsNotBuilt }
    #endif
}

#if Engines
extension WorkerOptions {
    fileprivate func huggingFace(threads: Int?) -> HuggingFaceTrainer.Options {
        var options = HuggingFaceTrainer.Options()
        options.device = device
        if let dtype { options.dtype = dtype }
        if let attention { options.attention = attention }
        options.threads = threads
        options.lora = loraRank.map { LoRAOptions(rank: $0, alpha: loraAlpha ?? Double(2 * $0)) }
        return options
    }

    fileprivate func titan(threads: Int?) -> TitanTrainer.Options {
        var options = TitanTrainer.Options()
        if let dataParallel { options.degrees.shard = dataParallel }
        if let replicas { options.degrees.replicate = replicas }
        if let tensorParallel { options.degrees.tensor = tensorParallel }
        if let contextParallel { options.degrees.context = contextParallel }
        if let pipelineParallel { options.degrees.pipeline = pipelineParallel }
        options.hosts = hosts
        options.meshAddress = meshAddress
        if let maxSequenceLength { options.maxSequenceLength = maxSequenceLength }
        if let dtype { options.dtype = dtype }
        if let attention { options.attention = attention }
        options.threads = threads
        return options
    }
}
#endif

extension RemoteOptions {
    /// What the server asks of its callers.
    func token() throws -> String? {
        let place: String
        let text: String
        if let tokenFile {
            guard let read = try? String(contentsOfFile: tokenFile, encoding: .utf8) else {
                throw TrainerError(.inputOutput, "the token file \(tokenFile) cannot be read")
            }
            (place, text) = ("the token file \(tokenFile)", read)
        } else if let variable = ProcessInfo.processInfo.environment["SWAGE_TOKEN"] {
            (place, text) = ("the variable SWAGE_TOKEN", variable)
        } else {
            return nil
        }
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else {
            throw TrainerError(.invalidOption, "\(place) is empty", expected: "a token, or neither variable nor file")
        }
        return token
    }

    #if Engines
    /// Whether the server sees the files that are seen here.
    var isOnThisMachine: Bool { address.flatMap { try? TrainerAddress($0) }?.isLocal ?? false }

    /// - Parameters:
    ///   - checkpointDirectory: the default place of checkpoints, if the server is on this machine.
    ///   - output: a folder in which the server will have to save.
    ///   - repeatsRequests: whether each request is made twice, as where a connection breaks.
    func connect(
        checkpointDirectory: String? = nil, keptCheckpoints: Int? = nil, output: String? = nil, repeatsRequests: Bool = false
    ) async throws -> StartedEngine {
        let (address, reached) = try reach()
        var options = reached
        options.repeatsRequests = repeatsRequests
        if address.isLocal {
            (options.checkpointDirectory, options.keptCheckpoints) = (checkpointDirectory, keptCheckpoints)
            options.workingDirectory = FileManager.default.currentDirectoryPath
        }
        let trainer = try await RemoteTrainer(at: address, options: options)
        if let output { try await trainer.requireAccess(to: output) }
        return StartedEngine(
            trainer: trainer, sampler: try await trainer.config().capabilities.generates ? trainer.sampler : nil)
    }

    private func reach() throws -> (TrainerAddress, RemoteTrainer.Options) {
        guard let text = address else { throw ValidationError("--address is missing.") }
        return (try TrainerAddress(text), RemoteTrainer.Options(token: try token(), trustRoots: trustRoots))
    }

    /// Checks what the service promises beside the protocol.
    /// - Parameters:
    ///   - beginning: a checkpoint of the trainer as it has just begun.
    ///   - workspace: a folder that the trainer can write to as well.
    /// - Throws: what is broken.
    func probe(_ batch: TextTrainBatch, beginning: String, workspace: String) async throws {
        let (address, options) = try reach()
        try await ServiceProbe(at: address, options: options, beginning: beginning, workspace: workspace).check(batch)
    }
    #else
    func probe(_ batch: TextTrainBatch, beginning: String, workspace: String) async throws { throw engineIsNotBuilt }

    var isOnThisMachine: Bool { true }

    func connect(
        checkpointDirectory: String? = nil, keptCheckpoints: Int? = nil, output: String? = nil, repeatsRequests: Bool = false
    ) async throws -> StartedEngine {
        throw engineIsNotBuilt
    }
    #endif
}

extension ProfileReport {
    fileprivate init(_ profile: NativeProfile) throws {
        let rows = NativeProfile.Phase.allCases.compactMap { phase in
            profile.totals[phase].map { Row(name: phase.rawValue, seconds: $0.seconds, count: $0.count) }
        }
        self.init(rows: rows, waiting: Double(profile.waiting) * 1e-9, chromeTrace: try profile.chromeTrace())
    }
}
