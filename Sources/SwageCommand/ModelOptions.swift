import ArgumentParser
import Logging
import Swage
import SwageNative

/// Which model a command works with, and on what it runs.
struct ModelOptions: ParsableArguments {
    @Option(help: "A GGUF file, or a folder in Hugging Face's layout.")
    var model: String

    @Option(
        help: "The chat format (chatml or llama3) of a model that brings no template of its own, or to be used instead.")
    var chatTemplate: String?

    @Option(help: "The engine: \(Engine.allCases.map(\.rawValue).joined(separator: ", ")).")
    var engine: Engine = .native

    @Option(help: "How many threads share the work. Default: one a core.")
    var threads: Int?

    @Option(help: "How much to log: \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")).")
    var logLevel: Logger.Level = .info

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads is \(threads); expected 1 or more.") }
    }

    /// Logs to standard error, so that standard output holds results alone.
    func logger() -> Logger {
        var logger = Logger(label: "swage", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = logLevel
        return logger
    }

    /// Opens the model in its engine.
    /// - Parameters:
    ///   - checkpointDirectory: the default place of checkpoints.
    ///   - keptCheckpoints: how many numbered ones stay there; nil for all.
    ///   - profiles: whether the engine records where its time goes.
    func start(
        optimizer: OptimizerOptions = .init(), checkpointDirectory: String = "default", keptCheckpoints: Int? = nil,
        profiles: Bool = false
    ) async throws -> StartedEngine {
        switch engine {
        case .native:
            let trainer = try await NativeTrainer(
                model: model, optimizer: optimizer, checkpointDirectory: checkpointDirectory,
                keptCheckpoints: keptCheckpoints, chatTemplate: chatTemplate, threads: threads, profiles: profiles)
            return StartedEngine(trainer: trainer, sampler: trainer.sampler) {
                try await trainer.profile().map(ProfileReport.init)
            }
        }
    }

    /// Opens the model for writing alone.
    /// - Parameter inEightBits: whether its matrices are read in 8 bits.
    func startSampler(inEightBits: Bool) async throws -> (sampler: any Sampler, tokenizer: any Tokenizer) {
        switch engine {
        case .native:
            let sampler = try await NativeSampler(
                model: model, weights: inEightBits ? .eightBit : .float32, chatTemplate: chatTemplate, threads: threads)
            return (sampler, try sampler.tokenizer())
        }
    }
}

/// A model in its engine.
struct StartedEngine {
    let trainer: any Trainer
    let sampler: any Sampler
    /// Where the time has gone so far; nil if the engine does not record it.
    let profile: () async throws -> ProfileReport?
}

extension ProfileReport {
    fileprivate init(_ profile: NativeProfile) throws {
        let rows = NativeProfile.Phase.allCases.compactMap { phase in
            profile.totals[phase].map { Row(name: phase.rawValue, seconds: $0.seconds, count: $0.count) }
        }
        self.init(rows: rows, waiting: Double(profile.waiting) * 1e-9, chromeTrace: try profile.chromeTrace())
    }
}

/// The engines that a command can run on. They are named in this file and nowhere else.
enum Engine: String, CaseIterable, ExpressibleByArgument {
    case native
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
