#if Engines
import Foundation
import Swage
import SwageFiles
import SwageRemote

/// The Python environment of a kind of worker: pinned packages and a copy of `swage_worker`, in a folder of its own.
public struct WorkerEnvironment: Sendable {
    /// The engine that it is for, as `swage_worker` names it; or `data`, for what imports rows.
    public let engine: String
    private let directory: String

    /// Names the environment, be it installed or not.
    /// - Parameters:
    ///   - engine: what its workers are: `huggingface` or `titan`; or `data`.
    ///   - home: where environments are kept; by default `SWAGE_HOME`, or `.swage` in the home directory.
    public init(_ engine: String, home: String? = nil) {
        self.engine = engine
        let chosen = [home, ProcessInfo.processInfo.environment["SWAGE_HOME"]].compactMap(\.self).first { !$0.isEmpty }
        directory = (chosen ?? NSHomeDirectory() + "/.swage") + "/environments/" + engine
    }

    /// The environment's Python.
    public var python: String { directory + "/bin/python" }
    /// Where the worker's own modules lie.
    private var modules: String { directory + "/modules" }
    /// What its processes find in their environment.
    /// - Parameter scratch: where they and what they start put temporary files.
    func processEnvironment(scratch: String) -> [String: String] {
        Self.inherited.merging([
            "PYTHONPATH": modules, "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TMPDIR": scratch,
        ]) { $1 }
    }

    /// What an import of rows finds in its environment: what this process has of the hub's variables, above all.
    var importEnvironment: [String: String] {
        Self.inherited.merging(["PYTHONPATH": modules, "PYTHONDONTWRITEBYTECODE": "1", "TQDM_DISABLE": "1"]) { $1 }
    }

    /// What messages call it.
    private var title: String { engine == "data" ? "the import of data" : "the engine \(engine)" }

    /// This process's environment, without what only this process has to know.
    private static var inherited: [String: String] {
        ProcessInfo.processInfo.environment.filter { $0.key != "SWAGE_TOKEN" }
    }

    /// Makes a folder that nobody else can enter.
    static func makeScratch(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }
    /// The requirements that were installed; written last.
    private var installed: String { directory + "/installed.txt" }

    /// Says that the folder is ours to remove; written first.
    private var mark: String { directory + "/made-by-swage.txt" }

    /// Whether a setup has come to its end in its folder, be it one of this version of Swage or of another.
    public var isInstalled: Bool { FileManager.default.fileExists(atPath: installed) }

    /// - Throws: ``Swage/TrainerError`` with code `missingDependency` that says how to get it.
    func requireInstalled() throws {
        guard isInstalled else {
            throw TrainerError(
                .missingDependency, "\(title) is not installed", expected: "`swage setup \(engine)`, once")
        }
        guard !isOfAnotherVersion else {
            throw TrainerError(
                .missingDependency, "\(title) was installed by another version of swage",
                expected: "`swage setup \(engine)` once more, which is short where no package has changed")
        }
    }

    /// The folder `python` of what came with this program, if it is there.
    package static var source: String? {
        foldersOfProgram.map { $0 + "/python" }.first { FileManager.default.fileExists(atPath: $0 + "/swage_worker") }
    }

    /// Whether the worker's modules are others than this program's.
    private var isOfAnotherVersion: Bool {
        guard let source = Self.source else { return false }
        return Self.modules(in: source) != Self.modules(in: modules)
    }

    /// The worker's modules by their names.
    private static func modules(in folder: String) -> [String: Data] {
        let root = folder + "/swage_worker/"
        let names = (FileManager.default.subpaths(atPath: root) ?? []).filter { $0.hasSuffix(".py") }
        return Dictionary(uniqueKeysWithValues: names.map { ($0, FileManager.default.contents(atPath: root + $0) ?? Data()) })
    }

    /// Installs what is pinned, some gigabytes and minutes, if that is not there yet, and copies the worker's modules.
    /// - Parameters:
    ///   - source: the folder that holds `swage_worker` and `requirements`.
    ///   - report: told what happens.
    /// - Throws: ``Swage/TrainerError`` with code `missingDependency` if Python or a package cannot be had.
    public func install(from source: String, report: (String) -> Void) throws {
        let requirements = "\(source)/requirements/\(engine).txt"
        guard let wanted = FileManager.default.contents(atPath: requirements) else {
            throw TrainerError(.inputOutput, "\(requirements) cannot be read", expected: "the folder python of a clone of Swage")
        }
        let lock = try FileLock(directory + ".lock") { report("waiting for another setup of \(engine)") }
        defer { withExtendedLifetime(lock) {} }
        if FileManager.default.contents(atPath: installed) != wanted {
            try begin()
            report("making a Python environment in \(directory)")
            try run("/usr/bin/env", ["python3", "-m", "venv", directory])
            report("installing \(engine == "data" ? "pyarrow" : "PyTorch") and what else \(title) needs")
            try run(
                python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements])
        }
        try? FileManager.default.removeItem(atPath: modules)
        try FileManager.default.createDirectory(atPath: modules, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: source + "/swage_worker", toPath: modules + "/swage_worker")
        try wanted.write(to: URL(literalPath: installed))
        report("\(title) is ready")
    }

    /// Removes what an earlier setup has left, and nothing else, and marks the folder.
    private func begin() throws {
        let files = FileManager.default
        let found = (try? files.contentsOfDirectory(atPath: directory)) ?? []
        guard found.isEmpty || isInstalled || files.fileExists(atPath: mark) else {
            throw TrainerError(
                .inputOutput, "\(directory) holds \(found.sorted()[0]), which no setup has made",
                expected: "a folder that is empty or not there: move it away, or set SWAGE_HOME to another")
        }
        do {
            if files.fileExists(atPath: directory) { try files.removeItem(atPath: directory) }
            try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data("Made by swage setup, which may remove this folder.\n".utf8).write(to: URL(literalPath: mark))
        } catch {
            throw TrainerError(.inputOutput, "\(directory) cannot be made anew: \(error.localizedDescription)")
        }
    }

    private func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(literalPath: program)
        process.arguments = arguments
        process.environment = Self.inherited
        let output = Pipe()
        process.standardError = output
        process.standardOutput = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw TrainerError(.missingDependency, "\(program) cannot be run: \(error.localizedDescription)")
        }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let last = text.split(separator: "\n").suffix(5).joined(separator: "\n")
            throw TrainerError(
                .missingDependency, "\(arguments.prefix(3).joined(separator: " ")) failed:\n\(last)",
                expected: "Python 3.10 or later with venv and pip, and a package registry that can be reached")
        }
    }
}
#endif
