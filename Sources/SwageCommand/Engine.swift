import ArgumentParser
import Swage
import SwageNative

/// The engines that a command can run on: the one place where they are named.
enum Engine: String, CaseIterable, ExpressibleByArgument {
    case native

    /// What an engine needs to begin.
    struct Request {
        var model: String
        var optimizer = OptimizerOptions()
        var checkpointDirectory = "default"
        var keptCheckpoints: Int?
        var common: CommonOptions
    }

    func start(_ request: Request) async throws -> (trainer: any Trainer, sampler: any Sampler) {
        switch self {
        case .native:
            let trainer = try await NativeTrainer(
                model: request.model, optimizer: request.optimizer, checkpointDirectory: request.checkpointDirectory,
                keptCheckpoints: request.keptCheckpoints, chatTemplate: request.common.chatTemplate,
                threads: request.common.threads)
            return (trainer, trainer.sampler)
        }
    }
}
