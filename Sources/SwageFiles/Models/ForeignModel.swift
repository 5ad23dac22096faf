package import Foundation
package import Swage
import SwageText

/// A model for an engine in another process, of any architecture: what stands beside its weights, and where they are.
package struct ForeignModel: Sendable {
    package let path: String
    package let name: String
    /// The tokenizer, or why there is none that can be used.
    package let tokenizer: Result<any Tokenizer, TrainerError>
    /// What to write beside exported weights so that transformers opens the folder, by file name.
    package let companions: [String: Data]
    /// The model itself, if it is a GGUF file or has scales beside its weights: it has to become a folder of plain numbers first.
    private let file: ModelFiles?

    /// Opens a GGUF file, or a Hugging Face folder.
    /// - Parameter chatTemplate: the name of a chat format, or a Jinja template, to use instead of the model's own.
    /// - Throws: ``TrainerError`` if there is no model.
    package init(_ path: String, chatTemplate: String? = nil) throws {
        let url = URL(literalPath: path).standardizedFileURL
        self.path = url.path
        let folder = ModelFolder(path: path)
        if FileManager.default.fileExists(atPath: path + "/config.json"), try !Self.hasScales(folder) {
            let template = try chatTemplate.map(GivenTemplate.source)
            file = nil
            name = Hub.name(ofCached: url.path) ?? url.lastPathComponent
            tokenizer = try ModelFiles.unlessUnsupported { try folder.tokenizer(template: template) }
            companions = try folder.companions(template: template)
        } else {
            let file = try ModelFiles.open(path, chatTemplate: chatTemplate)
            self.file = file
            name = file.configuration.name
            tokenizer = file.tokenizer.map { $0 }
            companions = file.companions
        }
    }

    /// Whether its weights have 8 bits and scales. Other engines would train the one, or save it, without the other.
    private static func hasScales(_ folder: ModelFolder) throws -> Bool {
        guard let config = try folder.json("config.json") else { return false }
        return WeightQuantization.isRead(config)
    }

    /// A folder in Hugging Face's layout: the model's own, or one that is written to `scratch`.
    package func folder(scratch: String) throws -> String {
        guard let file else { return path }
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: false)
        try file.export(to: scratch)
        return scratch
    }
}
