import Foundation
import Swage
import SwageText

extension ModelFolder {
    private struct EndOfSequence: Decodable {
        var eos_token_id: TokenIDs?
    }

    private struct TokenizerConfiguration: Decodable {
        /// A token, as text or as an object with its content.
        struct Token: Decodable {
            private struct Object: Decodable { var content: String }
            var content: String

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                content = try (try? container.decode(String.self)) ?? container.decode(Object.self).content
            }
        }

        /// One template, or several with names.
        struct Templates: Decodable {
            private struct Named: Decodable {
                var name: String
                var template: String
            }
            var standard: String?

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let one = try? container.decode(String.self) {
                    standard = one
                } else {
                    standard = try container.decode([Named].self).first { $0.name == "default" }?.template
                }
            }
        }

        var eos_token: Token?
        var chat_template: Templates?
    }

    /// The tokenizer that `tokenizer.json`, `tokenizer_config.json` and `generation_config.json` define together.
    func tokenizer(chatTemplate: String?) throws -> BPETokenizer {
        var definition = try BPETokenizer.Definition(tokenizerJSON: try required("tokenizer.json"))
        let configuration = try decode(TokenizerConfiguration.self, "tokenizer_config.json")
        let template = try data("chat_template.jinja").map { String(decoding: $0, as: UTF8.self) }
        definition.chatTemplate = chatTemplate ?? template ?? configuration?.chat_template?.standard

        // The tokenizer's own end token comes first: it is the one that ends a completion in training.
        var ends: [Int32] = []
        if let content = configuration?.eos_token?.content {
            let added = definition.addedTokens.first { $0.content == content }?.id
            ends += [added ?? definition.vocabulary[content]].compactMap { $0 }
        }
        for name in ["generation_config.json", "config.json"] {
            ends += try decode(EndOfSequence.self, name)?.eos_token_id?.ids ?? []
        }
        definition.endOfSequenceIDs = ends.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        return try BPETokenizer(definition)
    }
}
