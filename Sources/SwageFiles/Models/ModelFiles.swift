package import Foundation
public import Swage
public import SwageText

/// A model on disk, opened: its architecture, its weights where they lie, its tokenizer, and the small files that
/// belong beside its weights.
///
/// ```swift
/// let files = try ModelFiles.open("SmolLM2-135M-Instruct.gguf")
/// print(files.format, files.tensorShapes.count, try files.tokenizer.get().summary)
/// ```
public struct ModelFiles: Sendable {
    /// Where it lies, as it was given.
    public let path: String
    /// Whether the path is a GGUF file, and not a folder.
    package let isSingleFile: Bool
    /// `safetensors` or `GGUF v3`, and how the weights are written.
    public let format: String
    /// What its tensors are written as.
    package let types: [StoredType]
    package let configuration: ModelConfiguration
    package let weights: any WeightSource
    /// The tokenizer, or why there is none that can be used. Weights can be trained without one.
    public let tokenizer: Result<TextTokenizer, TrainerError>
    /// What to write beside exported weights so that transformers opens the folder, by file name.
    package let companions: [String: Data]

    /// The architecture, under the names of Hugging Face's `config.json`.
    public var config: [String: ConfigurationValue] { configuration.reported }

    /// The shape of each tensor, by the name that Hugging Face gives it.
    public var tensorShapes: [String: [Int]] {
        Dictionary(uniqueKeysWithValues: weights.tensorNames.compactMap { name in weights.shape(of: name).map { (name, $0) } })
    }

    /// Opens a GGUF file, or a Hugging Face folder, and reads of the weights where they lie alone.
    /// - Parameters:
    ///   - path: where it lies.
    ///   - chatTemplate: the name of a chat template (`chatml`, `llama3`, `qwen3`), a file, or a Jinja template, instead of the model's own.
    /// - Throws: ``Swage/TrainerError`` if there is no model, or one that cannot be read.
    public static func open(_ path: String, chatTemplate: String? = nil) throws -> ModelFiles {
        var isDirectory: ObjCBool = false
        guard !path.contains("\0"), FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw TrainerError(
                .inputOutput, "\(path) does not exist", expected: "a GGUF file, or a folder with config.json")
        }
        let template = try chatTemplate.map(GivenTemplate.source)
        return isDirectory.boolValue ? try ModelFiles(folder: path, template: template) : try ModelFiles(gguf: path, template: template)
    }

    private init(gguf path: String, template: String?) throws {
        let file = try GGUFFile(path: path)
        let configuration = try ModelConfiguration(gguf: file)
        let weights = try GGUFWeights(file: file, configuration: configuration)
        let definition = try Self.unlessUnsupported {
            var definition = try TextTokenizer.Definition(gguf: file)
            if let template { definition.chatTemplate = template }
            return definition
        }
        types = StoredType.all(of: file.tensors.values)
        self.path = path
        isSingleFile = true
        self.configuration = configuration
        format = "GGUF v\(file.version): \(Self.names(types))"
        self.weights = weights
        tokenizer = try Self.unlessUnsupported { try TextTokenizer(try definition.get()) }
        var companions = try Self.companions(configuration, try? definition.get(), file)
        companions.replaceTemplate(by: template)
        self.companions = companions
    }

    private init(folder path: String, template: String?) throws {
        let folder = ModelFolder(path: path)
        let name = Hub.name(ofCached: path) ?? URL(literalPath: path).standardizedFileURL.lastPathComponent
        self.path = path
        isSingleFile = false
        let json = try JSONField(json: try folder.required("config.json"), file: path + "/config.json")
        var configuration = try ModelConfiguration(configJSON: json, fallbackName: name)
        let weights = try ShardedSafetensors(folder: folder)
        let scaled = try ScaledWeights(weights, try WeightQuantization.read(json), path: path)
        self.weights = try TiedWeights(CanonicalWeights(scaled, configuration.family), &configuration)
        self.configuration = configuration
        types = StoredType.all(of: weights.tensors)
        format = "safetensors: \(Self.names(types))"
        tokenizer = try Self.unlessUnsupported {
            let tokenizer = try folder.tokenizer(template: template)
            guard let odd = tokenizer.endOfSequenceIDs.first(where: { $0 >= configuration.vocabularySize }) else { return tokenizer }
            throw TrainerError(
                .unsupported, "the tokenizer in \(path) ends a text by the token \(odd), and the model has \(configuration.vocabularySize)",
                expected: "an \"eos_token\" that the model's vocabulary has")
        }
        companions = try folder.companions(ofText: true, template: template)
    }

    private static func names(_ types: [StoredType]) -> String { types.map(\.encoding.name).sorted().joined(separator: ", ") }

    /// Keeps for later that something is not known or not there; what is broken is an error at once.
    static func unlessUnsupported<Value>(_ make: () throws -> Value) throws -> Result<Value, TrainerError> {
        do {
            return .success(try make())
        } catch let error as TrainerError where [.unsupported, .inputOutput].contains(error.code) {
            return .failure(error)
        }
    }

    /// What is stored and not read, once the tensors named are read: of another type, of another kind of model, or of none.
    package func unread(expected names: some Sequence<String>) -> [String] {
        weights.tensorNames.union(weights.unreadable.keys).subtracting(names).sorted()
    }

    /// Checks that the weights have the last layer that the configuration counts, before anything is made for each.
    /// - Throws: ``TrainerError`` with code `checkpointMismatch`.
    package func checkLayerCount() throws {
        let prefix = configuration.family.layerPrefix + "."
        let stored = Set(
            weights.tensorNames.union(weights.unreadable.keys).compactMap { name in
                name.hasPrefix(prefix) ? name.dropFirst(prefix.count).split(separator: ".").first.flatMap { Int($0) } : nil
            })
        guard let missing = (0..<configuration.layerCount).first(where: { !stored.contains($0) }) else { return }
        let other = weights.tensorNames.sorted().first.map { ", and one named \"\($0)\"" } ?? ""
        throw TrainerError(
            .checkpointMismatch, "\(path) has no tensor of \(prefix)\(missing).\(stored.isEmpty ? other : "")",
            expected: "the \(configuration.layerCount) layers that its configuration counts")
    }

    /// Checks that the weights are the ones that the configuration calls for.
    /// - Throws: ``TrainerError`` with code `checkpointMismatch`, naming the first tensor that is missing or odd.
    package func checkShapes(_ expected: [(name: String, shape: [Int])]) throws {
        for (name, shape) in expected {
            if let type = weights.unreadable[name] {
                throw TrainerError(
                    .unsupported, "\(path): tensor \"\(name)\" has the type \(type)", expected: TensorEncoding.safetensorsNames.joined(separator: ", "))
            }
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
