import Foundation
import Swage
import SwageFiles
import SwageText

/// A folder in which work leaves JSON files, and from which it goes on.
struct OutputFolder: Sendable {
    let path: String

    /// Makes sure that the folder is there and can be written to, before any work is done.
    func prepare() throws {
        try Self.create(path)
        guard FileManager.default.isWritableFile(atPath: path) else {
            throw TrainerError(.inputOutput, "\(path) cannot be written to", expected: "a folder with permission to write")
        }
    }

    func remove(_ items: [String]) throws {
        for item in items where FileManager.default.fileExists(atPath: item) {
            try Self.withPath(item, "removed") { try FileManager.default.removeItem(atPath: item) }
        }
    }

    func read<Value: Decodable>(_: Value.Type, _ file: String) throws -> Value? {
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        do {
            return try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
        } catch {
            throw TrainerError(.corruptFile, "\(file) cannot be read: \(error)", expected: "what a run has written")
        }
    }

    func write(_ value: some Encodable, to file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try write(try encoder.encode(value), to: file)
    }

    func write(_ data: Data, to file: String) throws {
        try Self.create(URL(fileURLWithPath: file).deletingLastPathComponent().path)
        try AtomicDirectory.replaceFile(file, with: data)
    }

    /// Whether work was begun here, with these settings, as a file says that has them beside whatever else.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` if it was begun with others.
    func wasBegun(_ file: String, settings: [String: String]) throws -> Bool {
        guard let known = try read(Begun.self, file)?.settings else { return false }
        let names = Set(known.keys).union(settings.keys).sorted()
        guard let odd = names.first(where: { known[$0] != settings[$0] }) else { return true }
        throw TrainerError(
            .invalidOption,
            "the run in \(path) was begun with \(odd) \(known[odd] ?? "unset"), not \(settings[odd] ?? "unset")",
            expected: "the same settings to go on, another output folder, or a restart")
    }

    private struct Begun: Decodable {
        var settings: [String: String]
    }

    private static func create(_ folder: String) throws {
        try withPath(folder, "created") {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
    }

    private static func withPath(_ path: String, _ verb: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw TrainerError(
                .inputOutput, "\(path) cannot be \(verb): \(error.summary)")
        }
    }
}
