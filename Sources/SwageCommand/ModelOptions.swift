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
    func start(
        optimizer: OptimizerOptions = .init(), checkpointDirectory: String = "default", keptCheckpoints: Int? = nil
    ) async throws -> (trainer: any Trainer, sampler: any Sampler) {
        switch engine {
        case .native:
            let trainer = try await NativeTrainer(
                model: model, optimizer: optimizer, checkpointDirectory: checkpointDirectory,
                keptCheckpoints: keptCheckpoints, chatTemplate: chatTemplate, threads: threads)
            return (trainer, trainer.sampler)
        }
    }
}

/// The engines that a command can run on. They are named in this file and nowhere else.
enum Engine: String, CaseIterable, ExpressibleByArgument {
    case native
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
