import Foundation
import TestSupport

/// The servers of one engine on which a case's commands are carried out, each with the model and the optimizer that the
/// commands name. They end with this.
final class CaseServers {
    /// The options that are a server's, where the trainer is served. All of them have one value.
    private static let own: Set = ["--model", "--chat-template", "--threads", "--learning-rate", "--schedule"]
    private static let training: Set = ["sft", "dpo", "grpo"]

    private let engine: [String]
    private let directory: String
    private var started: [Process] = []
    /// Where those serve that nothing has trained, by what they were started with.
    private var untrained: [[String]: String] = [:]

    init(_ engine: String, in directory: String) {
        self.engine = engine == "native" ? [] : ["--engine", engine, "--device", "cpu"]
        self.directory = directory
    }

    deinit {
        for process in started {
            process.terminate()
            process.waitUntilExit()
        }
    }

    /// The same command, of a client.
    func served(_ arguments: [String]) throws -> [String] {
        var (server, client) = ([String](), [String]())
        var index = 0
        while index < arguments.count {
            let isOwn = Self.own.contains(arguments[index])
            let end = min(arguments.count, index + (isOwn ? 2 : 1))
            if isOwn { server += arguments[index..<end] } else { client += arguments[index..<end] }
            index = end
        }
        guard !server.isEmpty else { return arguments }
        return client + ["--engine", "remote", "--address", try address(server, trains: Self.training.contains(arguments[0]))]
    }

    private func address(_ options: [String], trains: Bool) throws -> String {
        if !trains, let found = untrained[options] { return found }
        let name = "served-\(started.count)"
        // The folder's own path may be too long for a socket's.
        let socket = "/tmp/\(name)-\(UUID().uuidString.prefix(8))"
        let process = Program.process(
            ["serve", "--listen", "unix:" + socket, "--checkpoints", name, "--allow", directory] + options + engine, in: directory)
        process.standardError = FileHandle.nullDevice
        try process.run()
        started.append(process)
        let patience = ContinuousClock.now + .seconds(120)
        while !FileManager.default.fileExists(atPath: socket), process.isRunning, .now < patience { usleep(50_000) }
        if !trains { untrained[options] = "unix:" + socket }
        return "unix:" + socket
    }
}
