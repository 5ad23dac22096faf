import Foundation
import TestSupport
import Testing

/// The stand-in for a hub in Tests/HubStandIn, over the folders `root/org/name`; it ends with this.
final class HubStandIn {
    static let folder = Golden.repository + "/Tests/HubStandIn"

    let root: String
    let cache: String
    let address: String
    private let process: Process
    private let input = Pipe()

    init(in directory: String) throws {
        (root, cache) = (directory + "/root", directory + "/cache")
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-B", Self.folder + "/standin.py", root]
        let output = Pipe()
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        var line = Data()
        while !line.contains(10) {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "the stand-in for a hub has ended")
            line.append(more)
        }
        address = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Adds a repository with the files of a folder.
    func add(_ name: String, copying folder: String) throws {
        let place = "\(root)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (place as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: folder, toPath: place)
    }

    /// Adds a file to a repository.
    func write(_ bytes: Data, to path: String) throws {
        let place = "\(root)/\(path)"
        try FileManager.default.createDirectory(
            atPath: (place as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try bytes.write(to: URL(fileURLWithPath: place))
    }

    /// What it does wrong from now on; see standin.py.
    func misbehave(_ faults: String) throws { try Data(faults.utf8).write(to: URL(fileURLWithPath: root + "/faults.json"), options: .atomic) }

    /// The requests so far, a line each.
    var requests: [String] {
        (try? String(contentsOfFile: root + "/requests.log", encoding: .utf8))?.split(separator: "\n").map(String.init) ?? []
    }

    func forget() { try? FileManager.default.removeItem(atPath: root + "/requests.log") }

    func environment(_ more: [String: String] = [:]) -> [String: String] {
        ["HF_ENDPOINT": address, "HF_HUB_CACHE": cache, "HF_HOME": cache + "-home", "HF_TOKEN": "", "HF_HUB_OFFLINE": ""].merging(more) { $1 }
    }

    func run(_ arguments: String..., environment more: [String: String] = [:]) throws -> Program.Result {
        try Program.run(arguments, environment: environment(more))
    }
}
