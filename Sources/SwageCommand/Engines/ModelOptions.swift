public import ArgumentParser
import Foundation
import Logging
import Swage
import SwageFiles
import SwageRecipes
import SwageText

/// Which model a command works with, and on what it runs.
struct ModelOptions: ParsableArguments {
    @Option(help: .init("A GGUF file, a folder in Hugging Face's layout, or a name of the hub: org/name.", valueName: "path or name"))
    var model: String?

    @Option(
        help: .init("A chat template instead of the model's own: chatml, llama3, qwen3, a file, or a template.", valueName: "template"))
    var chatTemplate: String?

    @Option(help: .init("The engine. --help-hidden shows all further options.", valueName: "name"))
    var engine: Engine = .native

    @OptionGroup(visibility: .hidden) var worker: WorkerOptions

    @OptionGroup(visibility: .hidden) var remote: RemoteOptions

    @Option(help: .init("How many threads share the work. Default: one a core.", valueName: "n"))
    var threads: Int?

    @Option(help: .init("How much to log.", valueName: "level", visibility: .hidden))
    var logLevel: Logger.Level = .info

    func validate() throws {
        if let chatTemplate { writeToStandardError("The chat template is \(chatTemplate.beginning(60)), whatever the model has.\n") }
        // Threads wait for each other at every product: with very many, a step does not end.
        let most = 16 * ProcessInfo.processInfo.activeProcessorCount
        if let threads, !(1...most ~= threads) {
            throw ValidationError("--threads is \(threads); expected 1 to \(most), 16 times the cores of this machine.")
        }
        if engine != .remote { _ = try requireModel() }
        if engine == .remote, remote.address == nil {
            throw ValidationError("--address is missing; expected where the remote trainer is served, such as localhost:50051.")
        }
    }

    /// The model that an engine reads on this machine.
    func requireModel() throws -> String {
        guard let model else { throw ValidationError("--model is missing; expected a GGUF file, a folder in Hugging Face's layout, or org/name.") }
        return model
    }

    /// The tokenizer of the model on this machine; nil where there is none.
    func tokenizer() throws -> (any Tokenizer)? { try model.map { try TextTokenizer(path: $0, chatTemplate: chatTemplate) } }

    /// What tells the model from others, for people and for runs that go on.
    var modelName: String { model.map { Hub.name(ofCached: $0) ?? $0 } ?? remote.address ?? "" }

    /// What the model is, by its content; nothing for one on another machine.
    func contents() async throws -> [String: RunIdentity.Content] {
        try model.map { try RunIdentity.contents(ofModel: $0, chatTemplate: chatTemplate) } ?? [:]
    }

    /// The same for those who train with it from elsewhere.
    func digests() async throws -> [String: String] {
        let contents = try await contents()
        return ["model": contents["the model"], "tokenizer": contents["the tokenizer of the model"]].compactMapValues { $0?.digest }
    }

    /// What the results of a command depend on, out of its options.
    ///
    /// The number of threads is told as it is, for it decides how sums are rounded: a run on a machine of other cores goes on
    /// with `--threads`.
    func settings(of command: some ParsableArguments, but others: Set<String> = []) -> [String: String] {
        var settings = RunSettings.of(command, but: others)
        settings["threads"] = engine == .remote ? "the server's" : "\(threads ?? ProcessInfo.processInfo.activeProcessorCount)"
        if engine == .remote {
            for name in OptimizerArguments.names where settings[name] != nil { settings[name] = "the server's" }
        }
        return settings
    }

    /// Logs to standard error, so that standard output holds results alone.
    func logger() -> Logger {
        var logger = Logger(label: "swage", factory: { StreamLogHandler(label: $0, stream: StandardErrorStream()) })
        logger.logLevel = logLevel
        return logger
    }
}

/// How PyTorch runs a model.
struct WorkerOptions: ParsableArguments {
    @Option(help: .init("huggingface: the device, such as cpu or cuda. Default: a GPU where there is one.", valueName: "name"))
    var device: String?

    @Option(help: .init("huggingface: torch's name of the weights' type. titan: that of the computation. Default: float32.", valueName: "name"))
    var dtype: String?

    @Option(
        help: .init(
            "huggingface: transformers' name of the attention implementation. Default: its choice for the model. titan: sdpa, or flex or varlen on GPUs. Default: sdpa.",
            valueName: "name"))
    var attention: String?

    @Option(help: .init("huggingface: train adapters of this rank, and not the weights.", valueName: "n"))
    var loraRank: Int?

    @Option(help: .init("huggingface: adapters count alpha / rank times. Default: twice the rank.", valueName: "x"))
    var loraAlpha: Double?

    @Option(help: .init("titan: over how many ranks the weights and the batch are divided. Default: 1.", valueName: "n"))
    var dataParallel: Int?

    @Option(help: .init("titan: how many times all of that is there, each with its part of the batch. Default: 1.", valueName: "n"))
    var replicas: Int?

    @Option(help: .init("titan: over how many ranks each matrix is divided. Default: 1.", valueName: "n"))
    var tensorParallel: Int?

    @Option(help: .init("titan: over how many ranks a sequence is divided. Default: 1.", valueName: "n"))
    var contextParallel: Int?

    @Option(help: .init("titan: over how many ranks the layers are divided. Default: 1.", valueName: "n"))
    var pipelineParallel: Int?

    @Option(
        parsing: .upToNextOption,
        help: .init("titan: where `swage host` listens on each machine, such as tcp://node1:26600. Default: this machine.", valueName: "address"))
    var hosts: [String] = []

    @Option(help: .init("titan: where those find this machine, such as tcp://node0:26600. Default: by its host name.", valueName: "address"))
    var meshAddress: String?

    @Option(help: .init("titan: the most tokens of a sequence. Default: 8192.", valueName: "n"))
    var maxSequenceLength: Int?
}

/// Where a trainer in another process is found, and how its caller is let in.
struct RemoteOptions: ParsableArguments {
    @Option(help: .init("Where the trainer is served: host:port, or unix:/path/of/a/socket.", valueName: "address"))
    var address: String?

    @Option(help: .init("A file that holds the token that the server asks for. Default: the variable SWAGE_TOKEN.", valueName: "path"))
    var tokenFile: String?

    @Option(help: .init("A PEM file of the authority that vouches for the server, or system. Needed beyond this machine.", valueName: "path"))
    var trustRoots: String?
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
