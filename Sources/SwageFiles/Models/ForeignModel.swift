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
    /// The model itself, if it is a GGUF file, which has to become a folder first.
    private let file: ModelFiles?

    /// Opens a GGUF file, or a Hugging Face folder.
    /// - Parameter chatTemplate: the name of a chat format, or a Jinja template, to use instead of the model's own.
    /// - Throws: ``TrainerError`` if there is no model.
    package init(_ path: String, chatTemplate: String? = nil) throws {
        let url = URL(literalPath: path).standardizedFileURL
        self.path = url.path
        if FileManager.default.fileExists(atPath: path + "/config.json") {
            let folder = ModelFolder(path: path)
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

    /// A folder in Hugging Face's layout: the model's own, or one that is written to `scratch` for a GGUF file.
    package func folder(scratch: String) throws -> String {
        guard let file else { return path }
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: false)
        try file.export(to: scratch)
        return scratch
    }
}
