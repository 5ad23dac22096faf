import Foundation
import Testing
import TestSupport

/// The built program, run as a person runs it.
enum Program {
    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// The program beside the test bundle.
    static let path: String = {
        let bundle = Bundle.main.executableURL ?? URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0])
        return bundle.resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("swage").path
    }()

    static func process(_ arguments: [String], in directory: String? = nil) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory ?? Golden.repository)
        return process
    }

    static func run(_ arguments: String...) throws -> Result { try run(arguments) }

    static func run(_ arguments: [String], in directory: String? = nil, environment: [String: String] = [:]) throws -> Result {
        let process = process(arguments, in: directory)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        return try run(process)
    }

    /// Runs a process to its end, or to that of our patience.
    static func run(_ process: Process) throws -> Result {
        let output = Pipe()
        // A file takes as much as a run says; a pipe that nobody reads yet would stop it.
        let errors = FileManager.default.temporaryDirectory.appendingPathComponent("swage-errors-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: errors) }
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        let identifier = process.processIdentifier
        let patience = DispatchWorkItem { kill(identifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 600, execute: patience)
        defer { patience.cancel() }
        let outputText = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let errorText = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
        return Result(status: process.terminationStatus, output: outputText, errors: errorText)
    }

    /// Writes small training data.
    static func writeData(_ directory: String, count: Int = 40) throws -> String {
        let path = directory + "/data.jsonl"
        let lines = (0..<count).map { index in
            #"{"prompt": "Question \#(index)", "completion": " answer \#(String(repeating: "so ", count: index % 7))"}"#
        }
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// The arguments of a quick run on a tiny model.
    static func tinyRun(_ data: String, _ output: String, steps: Int) -> [String] {
        [
            "sft", "--model", Golden.decoder("llama"), "--data", data, "--output", output, "--steps", "\(steps)",
            "--sequence-length", "48", "--learning-rate", "1e-3", "--threads", "1",
        ]
    }
}
