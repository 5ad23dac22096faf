import Foundation
import Swage
import SwageText

/// A model on disk, opened: its architecture, its weights where they lie, its tokenizer, and the small files that
/// belong beside its weights.
package struct ModelFiles: Sendable {
    package let path: String
    /// Whether the path is a GGUF file, and not a folder.
    package let isSingleFile: Bool
    /// `safetensors` or `GGUF v3`, and how the weights are written.
    package let format: String
    package let configuration: ModelConfiguration
    package let weights: any WeightSource
    /// The tokenizer, or why there is none that can be used. Weights can be trained without one.
    package let tokenizer: Result<BPETokenizer, TrainerError>
    /// What to write beside exported weights so that transformers opens the folder, by file name.
    package let companions: [String: Data]

    /// Opens a GGUF file, or a Hugging Face folder.
    /// - Parameter chatTemplate: the name of a chat format, or a Jinja template, to use instead of the model's own.
    /// - Throws: ``TrainerError`` if there is no model, or one that cannot be read.
    package static func open(_ path: String, chatTemplate: String? = nil) throws -> ModelFiles {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw TrainerError(
                .inputOutput, "\(path) does not exist", expected: "a GGUF file, or a folder with config.json")
        }
        let files =
            isDirectory.boolValue
            ? try ModelFiles(folder: path, chatTemplate: chatTemplate)
            : try ModelFiles(gguf: path, chatTemplate: chatTemplate)
        if let chatTemplate { try files.check(chatTemplate) }
        return files
    }

    /// Makes sure that a format that was asked for is known, whether a conversation comes or not.
    private func check(_ chatTemplate: String) throws {
        guard case .success(let tokenizer) = tokenizer else { return }
        do {
            _ = try tokenizer.encode(chat: [ChatMessage(role: "user", content: "?")], addGenerationPrompt: true)
        } catch let error as TrainerError where error.code == .unsupported {
            throw TrainerError(
                .invalidOption, "chatTemplate is \"\(chatTemplate.prefix(60))\", which is not known", expected: error.expected)
        }
    }

    private init(gguf path: String, chatTemplate: String?) throws {
        let file = try GGUFFile(path: path)
        let configuration = try ModelConfiguration(gguf: file)
        let definition = try Self.unlessUnsupported {
            var definition = try BPETokenizer.Definition(gguf: file)
            if let chatTemplate { definition.chatTemplate = chatTemplate }
            return definition
        }
        let encodings = Set(file.tensors.values.map(\.encoding.rawValue)).sorted().joined(separator: ", ")
        self.path = path
        isSingleFile = true
        self.configuration = configuration
        format = "GGUF v\(file.version): \(encodings)"
        weights = GGUFWeights(file: file, configuration: configuration)
        tokenizer = try Self.unlessUnsupported { try BPETokenizer(try definition.get()) }
        companions = try Self.companions(configuration, try? definition.get(), file)
    }

    private init(folder path: String, chatTemplate: String?) throws {
        let folder = ModelFolder(path: path)
        let name = URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
        self.path = path
        isSingleFile = false
        configuration = try ModelConfiguration(
            configJSON: try folder.required("config.json"), path: path + "/config.json", fallbackName: name)
        let weights = try ShardedSafetensors(folder: folder)
        self.weights = weights
        format = "safetensors: \(weights.encodings.map(\.rawValue).joined(separator: ", "))"
        tokenizer = try Self.unlessUnsupported { try folder.tokenizer(chatTemplate: chatTemplate) }
        companions = try folder.companions()
    }

    /// Keeps for later that something is not known or not there; what is broken is an error at once.
    static func unlessUnsupported<Value>(_ make: () throws -> Value) throws -> Result<Value, TrainerError> {
        do {
            return .success(try make())
        } catch let error as TrainerError where [.unsupported, .inputOutput].contains(error.code) {
            return .failure(error)
        }
    }

    /// Checks that the weights are the ones that the configuration calls for.
    /// - Throws: ``TrainerError`` with code `checkpointMismatch`, naming the first tensor that is missing or odd.
    package func checkShapes(_ expected: [(name: String, shape: [Int])]) throws {
        for (name, shape) in expected {
            guard let found = weights.shape(of: name) else {
                throw TrainerError(
                    .checkpointMismatch, "\(path) has no tensor \"\(name)\"",
                    expected: "it with shape \(shape), as its configuration says")
            }
            guard found == shape else {
                throw TrainerError(
                    .checkpointMismatch, "\(path): tensor \"\(name)\" has shape \(found)",
                    expected: "\(shape), as its configuration says")
            }
        }
    }
}

/// A folder in Hugging Face's layout.
struct ModelFolder {
    let path: String
    /// The files, by name, of a folder that is not on disk.
    var contents: [String: Data]?

    func data(_ name: String) throws -> Data? {
        if let contents { return contents[name] }
        let file = path + "/" + name
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: file))
        } catch {
            throw TrainerError(.inputOutput, "\(file) cannot be read: \(error.summary)")
        }
    }

    func required(_ name: String) throws -> Data {
        guard let data = try data(name) else {
            throw TrainerError(
                .inputOutput, "\(path) has no \(name)", expected: "a folder with config.json, weights and tokenizer.json")
        }
        return data
    }

    func decode<Value: Decodable>(_: Value.Type, _ name: String) throws -> Value? {
        guard let data = try data(name) else { return nil }
        do {
            return try JSONDecoder().decode(Value.self, from: data)
        } catch {
            throw TrainerError(.corruptFile, "\(path)/\(name) cannot be read: \(error.summary)")
        }
    }

    /// The small files, as they are, but for the type of the weights that will stand beside them.
    func companions() throws -> [String: Data] {
        let names = [
            "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
            "special_tokens_map.json", "chat_template.jinja", "vocab.json", "merges.txt",
        ]
        var files: [String: Data] = [:]
        for name in names { files[name] = try data(name) }
        if let config = files["config.json"],
            var object = try JSONSerialization.jsonObject(with: config) as? [String: Any]
        {
            for key in ["torch_dtype", "dtype"] where object[key] != nil { object[key] = "float32" }
            files["config.json"] = try JSONSerialization.data(
                withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        }
        return files
    }
}
