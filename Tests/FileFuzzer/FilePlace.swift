import Foundation
import Swage
import SwageFiles
import SwageNative
import SwageRecipes
import SwageText
import TestSupport

/// A folder in which one file is replaced by damaged ones, each of which is then opened.
struct FilePlace {
    let kind: FileKind
    let folder: String
    private let chat = [ChatMessage(role: "user", content: "Hi"), ChatMessage(role: "assistant", content: "Hö 12  x")]

    /// Makes the folder, if it is not there.
    init(_ kind: FileKind, in parent: String) throws {
        self.kind = kind
        folder = "\(parent)/\(kind.rawValue)"
        if FileManager.default.fileExists(atPath: folder) { return }
        switch kind {
        case .run, .metrics, .position: try RunFiles.write(in: folder)
        case .gguf, .ggufTensors, .ggufPart, .ggufVocabulary, .ggufExperts, .conversations, .preferences, .problems, .template:
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            if kind == .ggufPart { try WholeFiles.ggufParts()[1].write(to: URL(fileURLWithPath: "\(folder)/model-00002-of-00002.gguf")) }
        default:
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            let isScaled = kind == .scaledWeights || kind == .scaledConfig
            try FileManager.default.copyItem(atPath: isScaled ? WholeFiles.scaled : Golden.decoder("llama"), toPath: folder)
            try Data(WholeFiles.tokenizerConfig.utf8).write(to: URL(fileURLWithPath: folder + "/tokenizer_config.json"))
            if kind == .tokenizerModel || kind == .tekken { try FileManager.default.removeItem(atPath: folder + "/tokenizer.json") }
            if kind == .index {
                try FileManager.default.moveItem(atPath: folder + "/model.safetensors", toPath: folder + "/shard.safetensors")
            }
            if kind == .manifest || kind == .optimizer {
                try WholeFiles.moments().write(to: URL(fileURLWithPath: folder + "/optimizer.safetensors"))
                try Data(WholeFiles.manifest(folder).utf8).write(to: URL(fileURLWithPath: folder + "/checkpoint.json"))
            }
        }
    }

    /// Puts `content` in its place, opens it, and says what is not as it should be.
    /// - Parameter trains: whether a model that opens is built and asked for its tokens as well.
    func finding(_ content: Data, trains: Bool) async throws -> String? {
        try content.write(to: URL(fileURLWithPath: "\(folder)/\(kind.fileName)"))
        do {
            try await open(trains: trains)
            Outcome.opened += 1
            return nil
        } catch let error as TrainerError {
            Outcome.refused += 1
            return Self.finding(in: error)
        } catch {
            return "an error of another kind: \(String(describing: error).prefix(300))"
        }
    }

    /// What a person cannot read in an error.
    private static func finding(in error: TrainerError) -> String? {
        let text = error.description
        let odd = ["DecodingError", "CodingKey", "Swift.", "Optional(", "Error Domain", "NSCocoa", "Context(", "Foundation."]
        if let word = odd.first(where: text.contains) { return "an error says \(word): \(text.prefix(300))" }
        if text.count > 2000 { return "an error has \(text.count) characters: \(text.prefix(200))" }
        if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) { return "an error has control characters" }
        return nil
    }

    private func open(trains: Bool) async throws {
        let path = "\(folder)/\(kind.fileName)"
        switch kind {
        case .conversations:
            let examples = try Examples<TrainingExample>(path: path, badLines: .skip)
            for index in 0..<examples.count { try learn(examples[index], template: Self.templates[index % Self.templates.count], trains: trains) }
        case .template:
            let template = try GivenTemplate.source(path)
            for example in Self.examples { try learn(example, template: template, trains: true) }
        case .preferences: try readAll(Examples<PreferencePair>(path: path, badLines: .skip))
        case .problems: try readAll(Examples<Problem>(path: path, badLines: .skip))
        case .ggufTensors:
            let file = try GGUFFile(path: path)
            for tensor in file.tensors.values { _ = try file.values(of: tensor) }
        case .manifest, .optimizer:
            if trains {
                let trainer = try await NativeTrainer(model: Golden.decoder("llama"), threads: 1)
                _ = try await trainer.load(folder)
            } else {
                _ = try CheckpointStore(directory: folder).manifest(of: folder)
                _ = try SafetensorsFile(path: folder + "/optimizer.safetensors")
            }
        case .run, .metrics, .position: try RunFiles.open(folder)
        case .gguf, .ggufPart, .ggufVocabulary, .ggufExperts: try await openModel(path, trains: trains)
        default: try await openModel(folder, trains: trains)
        }
    }

    private func openModel(_ path: String, trains: Bool) async throws {
        let files = try ModelFiles.open(path)
        _ = try files.unreadSummary
        if case .failure(let error) = files.tokenizer, let finding = Self.finding(in: error) { throw FuzzFailure(what: finding) }
        guard trains else { return }
        if case .success(let tokenizer) = files.tokenizer {
            for text in ["Hello wörld 123\n\n  x<|im_end|> ", "e\u{301}<tool>\u{338}", ""] {
                let ids = try tokenizer.encode(text, addSpecialTokens: true)
                _ = try tokenizer.decode(ids, skipSpecialTokens: false)
                for id in ids { _ = try tokenizer.bytes(of: id) }
            }
            _ = try TextTokenizer(files: try tokenizer.files(), from: "a server")
            _ = try? tokenizer.encode(chat: chat, addGenerationPrompt: true)
        }
        let trainer = try await NativeTrainer(model: path, threads: 1)
        _ = try await trainer.config()
    }

    /// Rows for every template.
    private static let examples = try! FileKind.lines[.conversations]!.split(separator: "\n").map { try TrainingExample(json: Data($0.utf8)) }
    private static let tokenizer = try! ModelFiles.open(Golden.decoder("llama")).tokenizer.get()
    /// Templates that parts, tools and thoughts come through.
    private static let templates = WholeFiles.templates

    /// Takes an example through a template. What a template refuses is no finding.
    private func learn(_ example: TrainingExample, template: String, trains: Bool) throws {
        guard trains else { return }
        var definition = Self.tokenizer.definition
        definition.chatTemplate = template
        let tokenizer = try type(of: Self.tokenizer).init(definition)
        do {
            let tokens = try example.tokenize(with: tokenizer, learning: .assistant)
            guard tokens.ids.count == tokens.owners.count, tokens.hasTarget else { throw FuzzFailure(what: "tokens without owners or targets") }
        } catch let error as TrainerError {
            if let finding = Self.finding(in: error) { throw FuzzFailure(what: finding) }
        }
    }

    private func readAll<Example>(_ lines: Examples<Example>) throws {
        for index in 0..<lines.count { _ = try lines[index] }
    }
}

/// What is wrong with an error that a reader keeps for later.
struct FuzzFailure: Error { let what: String }

/// How the files of this process came out.
enum Outcome {
    nonisolated(unsafe) static var opened = 0
    nonisolated(unsafe) static var refused = 0
}
