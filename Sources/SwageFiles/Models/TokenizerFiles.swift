package import Foundation
import Swage
import SwageText

extension TextTokenizer {
    /// The files in which Hugging Face keeps such a tokenizer, by name.
    /// - Throws: ``TrainerError`` if `tokenizer.json` cannot say it.
    package func files() throws -> [String: Data] {
        let ends = JSONValue.list(definition.endOfSequenceIDs.map { .number(Int($0)) })
        var files = [
            "tokenizer.json": try definition.tokenizerJSON(),
            "generation_config.json": Data(JSONValue.object(["eos_token_id": ends]).json.utf8),
        ]
        files["chat_template.jinja"] = definition.chatTemplate.map { Data($0.utf8) }
        if !definition.specialTokens.isEmpty {
            let names = definition.specialTokens.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.text($0.value)) }
            files["tokenizer_config.json"] = Data(JSONValue.object(JSONObject(names)).json.utf8)
        }
        return files
    }

    /// The tokenizer that such files define.
    /// - Throws: ``TrainerError`` if one is missing, broken, or of a kind that is not known.
    package init(files: [String: Data], from place: String) throws {
        self = try ModelFolder(path: place, contents: files).tokenizer(template: nil)
    }
}
