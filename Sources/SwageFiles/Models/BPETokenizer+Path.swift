public import Foundation
import Swage
public import SwageText

extension BPETokenizer {
    /// Opens a tokenizer without its model.
    /// - Parameters:
    ///   - path: a folder with `tokenizer.json` in Hugging Face's layout, or a GGUF file. No weights are read.
    ///   - chatTemplate: the name of a chat format (`chatml`, `llama3`, `qwen3`) or a Jinja template, instead of its own.
    /// - Throws: ``Swage/TrainerError`` with code `inputOutput`, `corruptFile` or `unsupported`.
    public init(path: String, chatTemplate: String? = nil) throws {
        var isFolder: ObjCBool = false
        guard !path.contains("\0"), FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw TrainerError(.inputOutput, "\(path) does not exist", expected: "a folder with tokenizer.json, or a GGUF file")
        }
        if isFolder.boolValue {
            self = try ModelFolder(path: path).tokenizer(chatTemplate: chatTemplate)
            return
        }
        var definition = try Definition(gguf: try GGUFFile(path: path))
        if let chatTemplate { definition.chatTemplate = chatTemplate }
        self = try BPETokenizer(definition)
    }

    /// Opens a tokenizer without its model. See ``init(path:chatTemplate:)``.
    /// - Throws: ``Swage/TrainerError``, with code `invalidOption` for what is no place on disk.
    public init(url: URL, chatTemplate: String? = nil) throws { try self.init(path: try url.filePath, chatTemplate: chatTemplate) }
}
