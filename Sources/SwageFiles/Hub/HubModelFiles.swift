import Foundation
import Swage
import SwageText

/// Which files of a repository make a model, and no others: whatever may run code when it is opened stays where it is.
package enum HubModelFiles {
    private static let small: Set = [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "chat_template.jinja", "chat_template.json", "vocab.json", "merges.txt", "added_tokens.json", "tokenizer.model", "tekken.json",
    ]
    private static let whole = "model.safetensors"
    private static let index = "model.safetensors.index.json"
    private static let pickles = [".bin", ".pt", ".pth", ".pkl", ".pickle", ".h5", ".msgpack", ".ckpt", ".npz"]

    /// What to fetch, in two parts: the second is known once the first is there.
    package struct Choice {
        package var files: [String]
        /// The list of shards among `files`, which says what else there is.
        var index: String?
        /// The file that is the model, if it is not the folder.
        package var model: String?
    }

    /// - Parameter paths: all files that the repository has, sorted.
    /// - Throws: ``TrainerError`` for a repository without a model that may be opened, or with several.
    package static func choice(_ name: HubName, among paths: [String], page: String) throws -> Choice {
        if let part = name.part { return try gguf(part, name, paths, page) }
        let present = Set(paths)
        let files = paths.filter(small.contains)
        if present.contains("config.json") {
            if present.contains(whole) { return Choice(files: files + [whole]) }
            if present.contains(index) { return Choice(files: files + [index], index: index) }
        }
        let models = HubGGUF.models(among: paths)
        switch models.count {
        case 1: return Choice(files: models[0].files, model: models[0].files[0])
        case 2...: throw several(models, "\(name.text) holds \(models.count) models", name)
        default: throw without(name, paths, page)
        }
    }

    /// The shards that an index names.
    /// - Throws: ``TrainerError`` with code `corruptFile`.
    static func shards(index path: String, among paths: [String]) throws -> [String] {
        let map = try JSONField(json: try PlainFile.content(of: path, limit: 1 << 28), file: path).required("weight_map")
        let names = Set(try map.members().map { try $0.field.text() })
        if let odd = names.subtracting(paths).sorted().first {
            throw TrainerError(.corruptFile, "\(path) names the file \"\(odd)\"", expected: "files that the repository has")
        }
        return names.sorted()
    }

    private static func gguf(_ part: String, _ name: HubName, _ paths: [String], _ page: String) throws -> Choice {
        let models = HubGGUF.models(among: paths)
        let found = models.filter { $0.isMeant(by: part) }
        switch found.count {
        case 1: return Choice(files: found[0].files, model: found[0].files[0])
        case 0 where models.isEmpty:
            throw TrainerError(.inputOutput, "\(name.repository) has no GGUF file", expected: "the name without \":\(part)\"")
        case 0: throw several(models, "\(name.repository) has no GGUF file \"\(part)\"", name)
        default: throw several(found, "\"\(part)\" is in the names of \(found.count) files of \(name.repository)", name)
        }
    }

    private static func several(_ models: [HubGGUF], _ what: String, _ name: HubName) -> TrainerError {
        let base = name.repository + (name.revision.map { "@" + $0 } ?? "")
        let names = models.prefix(12).map { "\(base):\($0.files[0])" }.joined(separator: ", ")
        return TrainerError(.inputOutput, what, expected: "one of \(names)" + (models.count > 12 ? ", …" : ""))
    }

    private static func without(_ name: HubName, _ paths: [String], _ page: String) -> TrainerError {
        if paths.contains("adapter_model.safetensors") || paths.contains("adapter_config.json") {
            return TrainerError(
                .unsupported, "\(name.repository) holds adapters, and no model", expected: "a model with the adapters merged into it")
        }
        if let pickle = paths.first(where: { path in pickles.contains { path.lowercased().hasSuffix($0) } }) {
            return TrainerError(
                .unsupported,
                "\(name.repository) keeps its weights in \(pickle) alone, a format that may run whatever it holds, and is never opened",
                expected: "weights as safetensors or GGUF: another revision of it that \(page)/discussions may name, or another model")
        }
        if paths.contains(where: { $0.hasSuffix(".safetensors") }) {
            return TrainerError(
                .unsupported, "\(name.repository) has no \(paths.contains("config.json") ? whole : "config.json")",
                expected: "config.json with \(whole), or with shards and \(index), as transformers writes them")
        }
        return TrainerError(.unsupported, "\(name.repository) holds no weights", expected: "safetensors with config.json, or a GGUF file")
    }
}
