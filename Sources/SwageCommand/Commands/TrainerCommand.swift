#if Engines
import ArgumentParser
import Swage
import SwageRemote

struct TrainerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trainer", abstract: "Ask a trainer in another process.", subcommands: [Status.self])

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what a trainer is, and where it stands.")

        @OptionGroup var remote: RemoteOptions

        @Flag(help: "Print one JSON object.")
        var json = false

        func validate() throws {
            if remote.address == nil { throw ValidationError("--address is missing; expected host:port or unix:/path.") }
        }

        func run() async throws {
            let trainer = try await remote.connect().trainer
            let (config, status) = (try await trainer.config(), try await trainer.status())
            let parallelism = config.parallelism
            let outputs = config.capabilities.outputs.map(\.rawValue).sorted()
            if json {
                return try printAsJSON([
                    "model": config.modelName, "step": status.step,
                    "accumulatedMicrobatches": status.accumulatedMicrobatches, "device": parallelism.device,
                    "worldSize": parallelism.worldSize, "outputs": outputs, "generates": config.capabilities.generates,
                    "losses": config.capabilities.losses?.sorted() ?? ["any"], "dtype": config.capabilities.dtype ?? "not said",
                    "adapters": config.capabilities.adapters,
                ])
            }
            try printLine(
                [
                    "model         \(config.modelName)",
                    "step          \(status.step), \(status.accumulatedMicrobatches) microbatches accumulated",
                    "device        \(parallelism.device), \(parallelism.worldSize) processes",
                    "parallelism   \(parallelism.summary)",
                    "learns        \(config.capabilities.adapters ? "adapters" : "weights"), in \(config.capabilities.dtype ?? "a type that it does not say")",
                    "losses        \(config.capabilities.losses?.sorted().joined(separator: ", ") ?? "any")",
                    "losses read   \(outputs.joined(separator: ", "))",
                    "writes        \(config.capabilities.generates ? "yes" : "no")",
                ].joined(separator: "\n"))
        }
    }
}

extension Parallelism {
    fileprivate var summary: String {
        [
            ("data", dataParallel), ("tensor", tensorParallel), ("pipeline", pipelineParallel),
            ("context", contextParallel), ("expert", expertParallel),
        ].map { "\($0) \($1)" }.joined(separator: ", ")
    }
}
#endif
