public import Foundation
import Swage
public import SwageText

extension TextTokenizer {
    /// Opens a tokenizer without its model.
    /// - Parameters:
    ///   - path: a folder with a tokenizer in one of Hugging Face's layouts, or a GGUF file. No weights are read.
    ///   - chatTemplate: the name of a chat template (`chatml`, `llama3`, `qwen3`), a file, or a Jinja template, instead of its own.
    /// - Throws: ``Swage/TrainerError`` with code `inputOutput`, `corruptFile` or `unsupported`.
    public init(path: String, chatTemplate: String? = nil) throws {
        var isFolder: ObjCBool = false
        guard !path.contains("\0"), FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw TrainerError(.inputOutput, "\(path) does not exist", expected: "a folder with a tokenizer, or a GGUF file")
        }
        let template = try chatTemplate.map(GivenTemplate.source)
        if isFolder.boolValue {
            self = try ModelFolder(path: path).tokenizer(template: template)
            return
        }
        var definition = try Definition(gguf: try GGUFFile(path: path))
        if let template { definition.chatTemplate = template }
        self = try TextTokenizer(definition)
    }

    /// Opens a tokenizer without its model. See ``init(path:chatTemplate:)``.
    /// - Throws: ``Swage/TrainerError``, with code `invalidOption` for what is no place on disk.
    public init(url: URL, chatTemplate: String? = nil) throws { try self.init(path: try url.filePath, chatTemplate: chatTemplate) }
}
