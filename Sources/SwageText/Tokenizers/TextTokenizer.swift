package import Foundation
import SwageJinja
public import Swage

/// The tokenizer of a model: byte pairs, Unigram, WordPiece or words, as Hugging Face's `tokenizer.json`, SentencePiece's
/// `tokenizer.model`, Mistral's `tekken.json` or a GGUF file says.
public struct TextTokenizer: Tokenizer {
    /// Everything that defines the tokenizer.
    package struct Definition: Sendable {
        package var endOfSequenceIDs: [Int32] = []
        package var chatTemplate: String?
        /// The tokens that chat templates call `bos_token`, `eos_token` and so on.
        package var specialTokens: [String: String] = [:]
        /// What turns text into ids and back.
        package var pipeline: TokenizerPipeline
        private let source: Source

        /// What it was read from.
        private enum Source: Sendable {
            case tokenizerJSON(Data)
            case document(TokenizerDocument)
            case vocabulary(GGUFVocabulary)
        }

        /// Reads the content of a `tokenizer.json`.
        ///
        /// What the `tokenizers` library would do otherwise than this library is an error with the name of the part, so that
        /// no text is ever cut in a way the model was not trained on.
        /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`, naming the part.
        package init(tokenizerJSON data: Data, file: String = "tokenizer.json") throws {
            pipeline = try TokenizerPipeline(tokenizerJSON: data, file: file)
            source = .tokenizerJSON(data)
        }

        /// Takes over what another file than a `tokenizer.json` says.
        /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`, naming the part.
        package init(_ document: TokenizerDocument, file: String) throws {
            pipeline = try document.pipeline(file: file)
            source = .document(document)
        }

        /// The tokenizer that llama.cpp makes of a GGUF file.
        /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`, naming the part.
        package init(_ vocabulary: GGUFVocabulary, prefixIDs: [Int32], suffixIDs: [Int32]) throws {
            pipeline = try vocabulary.pipeline(prefixIDs: prefixIDs, suffixIDs: suffixIDs)
            source = .vocabulary(vocabulary)
        }

        /// The content of a `tokenizer.json` that Hugging Face's libraries read as this tokenizer, or come closest to it with.
        /// - Throws: ``Swage/TrainerError`` with code `corruptFile` or `unsupported`.
        package func tokenizerJSON() throws -> Data {
            switch source {
            case .tokenizerJSON(let file): file
            case .document(let document): document.json(pipeline)
            case .vocabulary(let vocabulary): try vocabulary.document().json(pipeline)
            }
        }
    }

    /// What a tokenizer is made of, in one place, so that handing it on copies nothing.
    private final class Storage: Sendable {
        let definition: Definition
        let engine: any TokenizerEngine
        let chatTemplate: Result<ChatTemplate, TrainerError>

        init(_ definition: Definition, _ engine: any TokenizerEngine, _ chatTemplate: Result<ChatTemplate, TrainerError>) {
            (self.definition, self.engine, self.chatTemplate) = (definition, engine, chatTemplate)
        }
    }

    private let storage: Storage

    package var definition: Definition { storage.definition }
    private var engine: any TokenizerEngine { storage.engine }
    private var chatTemplate: Result<ChatTemplate, TrainerError> { storage.chatTemplate }
    public var vocabularySize: Int { engine.idCount }
    public var endOfSequenceIDs: [Int32] { definition.endOfSequenceIDs }

    private init(_ storage: Storage) { self.storage = storage }

    /// - Throws: ``Swage/TrainerError`` with code `corruptFile` if the parts do not fit each other.
    package init(_ definition: Definition) throws {
        let engine = definition.pipeline
        let used = engine.prefixIDs + engine.suffixIDs + definition.endOfSequenceIDs
        if let odd = used.first(where: { $0 < 0 || Int($0) >= engine.idCount }) {
            throw TrainerError(
                .corruptFile, "the tokenizer names token \(odd) as a special one",
                expected: "an id in 0..<\(engine.idCount)")
        }
        storage = Storage(definition, engine, ChatTemplate.of(definition.chatTemplate, specialTokens: definition.specialTokens))
    }

    public func encode(_ text: String, addSpecialTokens: Bool) throws -> [Int32] {
        let ids = try engine.ids(of: text, .beginning)
        return addSpecialTokens ? engine.prefixIDs + ids + engine.suffixIDs : ids
    }

    public func decode(_ ids: [Int32], skipSpecialTokens: Bool) throws -> String {
        try engine.decode(ids, skipSpecialTokens: skipSpecialTokens)
    }

    public func bytes(of id: Int32) throws -> [UInt8] { try engine.bytes(of: id) }

    public func encode(chat: Chat, addGenerationPrompt: Bool) throws -> TargetedTokens {
        let encoder = ChatEncoder(template: try chatTemplate.get(), engine: engine, ends: Set(definition.endOfSequenceIDs))
        return try encoder.encode(chat, addGenerationPrompt: addGenerationPrompt)
    }

    public func encode(prompt: String, completion: String) throws -> TargetedTokens {
        let (asked, begun) = try divided(prompt)
        let read = engine.prefixIDs + asked
        var written = try engine.ids(of: begun + completion, engine.place(after: asked))
        // A completion may spell out its end, any that the model knows.
        if let end = definition.endOfSequenceIDs.first {
            if !definition.endOfSequenceIDs.contains(written.last ?? -1) { written.append(end) }
        } else {
            written += engine.suffixIDs
        }
        return TargetedTokens(ids: read + written, isTarget: read.map { _ in false } + written.map { _ in true })
    }

    /// The text of a conversation in the model's own chat format.
    /// - Throws: ``Swage/TrainerError`` if the model has no chat template, or one that refuses the conversation.
    public func text(of chat: Chat, addGenerationPrompt: Bool) throws -> String {
        try chatTemplate.get().render(chat, addGenerationPrompt: addGenerationPrompt).text
    }

    /// The day that the chat format writes into every conversation, where that is another one each day.
    package var day: String? { (try? chatTemplate.get())?.day }

    /// The same, whose chat format goes on writing one day; nil means today.
    package func writing(day: String?) -> TextTokenizer {
        guard let today = self.day else { return self }
        return TextTokenizer(Storage(definition, engine, chatTemplate.map { $0.writing(day: day ?? today) }))
    }

    /// The chat template in words.
    public var chatTemplateSummary: String {
        switch chatTemplate {
        case .success(let template): template.summary
        case .failure(let error): error.message
        }
    }

    /// What kind of tokenizer it is, in words.
    public var summary: String { engine.summary }

    /// The ids of a prompt without the white space at its end that belongs to the word after it, and that white space:
    /// models write " here", and have hardly ever seen "here" after a space that stands alone.
    private func divided(_ prompt: String) throws -> (ids: [Int32], begun: String) {
        let ids = try engine.ids(of: prompt, .beginning)
        guard let last = prompt.unicodeScalars.last, prompt.utf8.count > 1, try engine.joinsToWord(last) else { return (ids, "") }
        let shorter = String(prompt.unicodeScalars.dropLast())
        let asked = try engine.ids(of: shorter, .beginning)
        // Some added tokens swallow the white space after them.
        return asked == ids ? (ids, "") : (asked, String(last))
    }
}
