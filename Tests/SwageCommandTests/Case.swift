import Foundation
import Testing
import TestSupport

/// A case that is data: commands, the files that they read, and what is right. `Tests/Cases/README.md` has the format.
struct Case: Decodable {
    /// Where the right value comes from.
    var source: String
    /// The environment of an engine that has to be installed; without it the case is left out.
    var needs: String?
    /// The engines on which the commands are carried out as well, each behind a server.
    var served: [String]?
    var commands: [Command]

    struct Command: Decodable {
        var run: [String]
        var environment: [String: String]?
        /// The program's exit code; 0 if it is left out.
        var status: Int32?
        var expect: [Expectation]?
    }

    static let root = (Golden.root as NSString).deletingLastPathComponent + "/Cases"

    /// All cases, by folder and name.
    static let names: [String] = {
        let files = (FileManager.default.enumerator(atPath: root)?.allObjects as? [String]) ?? []
        return files.filter { $0.hasSuffix(".case.json") }.map { String($0.dropLast(".case.json".count)) }.sorted()
    }()

    private static func hasEngine(_ name: String) -> Bool {
        #if Engines
        let home = ProcessInfo.processInfo.environment["SWAGE_HOME"] ?? NSHomeDirectory() + "/.swage"
        return FileManager.default.fileExists(atPath: "\(home)/environments/\(name)/bin/python")
        #else
        return false
        #endif
    }

    private static func read(_ name: String) throws -> Case {
        try JSONDecoder().decode(Case.self, from: Data(contentsOf: URL(fileURLWithPath: "\(root)/\(name).case.json")))
    }

    /// Each case that is served, with each engine.
    static let servedNames: [(name: String, engine: String)] = names.flatMap { name in
        ((try? read(name))?.served ?? []).map { (name, $0) }
    }

    /// Runs the commands one after another, in a folder with copies of the files that stand beside the case.
    /// - Parameter engine: the one whose servers carry them out; nil for the program itself.
    static func run(_ name: String, servedBy engine: String? = nil) async throws {
        let found: Case
        do {
            found = try read(name)
        } catch {
            Issue.record("\(name).case.json cannot be read: \(error)")
            return
        }
        if let engine = engine ?? found.needs, engine != "native", !hasEngine(engine) {
            print("\(name) was left out: `swage setup \(engine)` has not been run.")
            return
        }
        let folder = ("\(root)/\(name)" as NSString).deletingLastPathComponent
        try await withTemporaryDirectory { directory in
            for item in try FileManager.default.contentsOfDirectory(atPath: folder) where !item.hasSuffix(".case.json") {
                try FileManager.default.copyItem(atPath: folder + "/" + item, toPath: directory + "/" + item)
            }
            let servers = engine.map { CaseServers($0, in: directory) }
            for command in found.commands { try command.check(in: directory, name, servers) }
        }
    }
}

extension Case.Command {
    fileprivate func check(in directory: String, _ name: String, _ servers: CaseServers?) throws {
        let named = try run.map { try $0.withModels() }
        let arguments = try servers?.served(named) ?? named
        let result = try Program.run(arguments, in: directory, environment: environment ?? [:])
        let said = "\(name): swage \(arguments.joined(separator: " "))\n\(result.output.suffix(600))\(result.errors.suffix(1200))"
        #expect(result.status == status ?? 0, "exit code \(result.status) of \(said)")
        if result.status != 0 {
            // An error is a sentence for a person.
            let last = result.errors.split(separator: "\n").last.map(String.init) ?? ""
            #expect(!last.hasSuffix("..") && !result.errors.contains("Error("), "\(said)")
        }
        for expectation in expect ?? [] {
            if let fault = try expectation.fault(directory, result) { Issue.record("\(fault) in \(said)") }
        }
    }
}

extension String {
    /// The text with the paths of models in place of their names in braces.
    fileprivate func withModels() throws -> String {
        guard contains("{") else { return self }
        var text = self
        for model in TextModel.allCases where text.contains("{\(model.rawValue)}") {
            text = text.replacingOccurrences(of: "{\(model.rawValue)}", with: try model.path())
        }
        for name in Golden.decoders { text = text.replacingOccurrences(of: "{golden:\(name)}", with: Golden.decoder(name)) }
        return text
    }
}

/// One thing that is right after a command.
struct Expectation: Decodable {
    /// `output`, `errors`, or a file by its path.
    var `in`: String
    /// Which line of it, from 1 on, or from the end, the last being -1. Without it: the whole; of JSON the last line.
    var line: Int?
    /// Where in the JSON, keys and indices with `/` between them.
    var path: String?
    var `is`: JSON?
    /// By how much a number may be off; 0 if it is left out.
    var within: Double?
    var contains: String?
    var lacks: String?
    var exists: Bool?

    /// What is wrong; nil if all is right.
    func fault(_ directory: String, _ result: Program.Result) throws -> String? {
        let place = ([`in`] + [line.map { "line \($0)" }, path].compactMap { $0 }).joined(separator: ", ")
        if let exists, exists != FileManager.default.fileExists(atPath: directory + "/" + `in`) {
            return "\(place): there is \(exists ? "no" : "a") such file"
        }
        if `is` == nil, contains == nil, lacks == nil { return exists == nil ? "\(place): nothing is expected" : nil }
        let text: String
        switch `in` {
        case "output": text = result.output
        case "errors": text = result.errors
        default:
            guard let read = try? String(contentsOfFile: directory + "/" + `in`, encoding: .utf8) else {
                return "\(place): there is no such file"
            }
            text = read
        }
        guard let found = try value(text) else { return "\(place): there is no such value in \(text.suffix(400))" }
        if let right = `is`, !found.equals(right, within: within ?? 0) { return "\(place) is \(found), not \(right)" }
        if let contains, !found.text.contains(contains) { return "\(place) lacks \(contains): \(found.text.suffix(400))" }
        if let lacks, found.text.contains(lacks) { return "\(place) has \(lacks): \(found.text.suffix(400))" }
        return nil
    }

    private func value(_ whole: String) throws -> JSON? {
        var text = whole
        let lines = whole.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let filled = lines.last == "" ? Array(lines.dropLast()) : lines
        if let line {
            let index = line > 0 ? line - 1 : filled.count + line
            guard filled.indices.contains(index) else { return nil }
            text = filled[index]
        } else if path != nil, !`in`.hasSuffix(".json") {
            text = filled.last ?? ""
        }
        guard let path else { return .text(text) }
        guard var value = try? JSONDecoder().decode(JSON.self, from: Data(text.utf8)) else { return nil }
        for step in path.split(separator: "/") {
            switch value {
            case .object(let object): guard let next = object[String(step)] else { return nil }; value = next
            case .list(let list):
                guard let index = Int(step), list.indices.contains(index) else { return nil }
                value = list[index]
            default: return nil
            }
        }
        return value
    }
}

/// Any JSON value.
indirect enum JSON: Decodable, Equatable, CustomStringConvertible {
    case null, flag(Bool), number(Double), text(String), list([JSON]), object([String: JSON])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .flag(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    var text: String { if case .text(let text) = self { text } else { description } }

    var description: String {
        switch self {
        case .null: "null"
        case .flag(let value): "\(value)"
        case .number(let value): "\(value)"
        case .text(let value): "\"\(value)\""
        case .list(let values): "[\(values.map(\.description).joined(separator: ", "))]"
        case .object(let values): "{\(values.sorted { $0.key < $1.key }.map { "\($0): \($1)" }.joined(separator: ", "))}"
        }
    }

    func equals(_ other: JSON, within tolerance: Double) -> Bool {
        switch (self, other) {
        case (.number(let own), .number(let right)): abs(own - right) <= tolerance
        case (.list(let own), .list(let right)):
            own.count == right.count && zip(own, right).allSatisfy { $0.equals($1, within: tolerance) }
        case (.object(let own), .object(let right)):
            own.keys == right.keys && own.allSatisfy { $1.equals(right[$0]!, within: tolerance) }
        default: self == other
        }
    }
}
