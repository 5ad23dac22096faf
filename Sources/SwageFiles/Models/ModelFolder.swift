import Foundation
import Swage
import SwageText

/// A folder in Hugging Face's layout.
struct ModelFolder {
    /// More than any small file of a model has.
    private static let maximumBytes = 1 << 28

    let path: String
    /// The files, by name, of a folder that is not on disk.
    var contents: [String: Data]?

    /// The content of one of the small files, or nil if it is not there.
    func data(_ name: String) throws -> Data? {
        if let contents { return contents[name] }
        let file = path + "/" + name
        guard FileManager.default.fileExists(atPath: file) else {
            try requireEntrance()
            return nil
        }
        return try PlainFile.content(of: file, limit: Self.maximumBytes)
    }

    /// A folder that may not be entered looks empty.
    /// - Throws: ``TrainerError`` with code `inputOutput`.
    func requireEntrance() throws {
        if access(path, X_OK) != 0, errno == EACCES {
            throw TrainerError(.inputOutput, "\(path) cannot be read: \(String(cString: strerror(EACCES)))")
        }
    }

    func has(_ name: String) -> Bool { contents.map { $0[name] != nil } ?? FileManager.default.fileExists(atPath: path + "/" + name) }

    func required(_ name: String) throws -> Data {
        guard let data = try data(name) else {
            throw TrainerError(
                .inputOutput, "\(path) has no \(name)", expected: "a folder with config.json, weights and a tokenizer")
        }
        return data
    }

    /// An object of JSON, or nil if the file is not there.
    func json(_ name: String) throws -> JSONField? {
        try data(name).map { try JSONField(json: $0, file: "\(path)/\(name)") }
    }

    func decode<Value: Decodable>(_: Value.Type, _ name: String) throws -> Value? {
        guard let data = try data(name) else { return nil }
        // The reader's own errors say where; what it accepts is not too deep for the decoder.
        _ = try JSONField(json: data, file: "\(path)/\(name)")
        do {
            return try JSONDecoder().decode(Value.self, from: data)
        } catch {
            throw TrainerError(.corruptFile, "\(path)/\(name) cannot be read: \(error.summary)")
        }
    }

    /// The small files, as they are, but for the type of the weights that will stand beside them.
    /// - Parameters:
    ///   - ofText: whether of a model of text and images the text alone will.
    ///   - template: a chat template instead of the model's own.
    func companions(ofText: Bool = false, template: String?) throws -> [String: Data] {
        let names = [
            "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
            "chat_template.jinja", "vocab.json", "merges.txt", "tokenizer.model", "tekken.json", "added_tokens.json", "vocab.txt",
        ]
        var files: [String: Data] = [:]
        for name in names { files[name] = try data(name) }
        files.replaceTemplate(by: template)
        if let whole = try json("config.json") {
            var object = try ofText ? ModelConfiguration.textFields(of: whole) : whole.object()
            for key in ["torch_dtype", "dtype"] where object[key] != nil { object[key] = .text("float32") }
            if WeightQuantization.isRead(whole) { object["quantization_config"] = nil }
            files["config.json"] = Data(JSONValue.object(object).indentedJSON.utf8)
        }
        return files
    }
}

extension [String: Data] {
    /// Puts a chat template beside the other files of a model. Whatever else they say of one, this is the one that is read.
    mutating func replaceTemplate(by source: String?) {
        if let source { self["chat_template.jinja"] = Data(source.utf8) }
    }
}
