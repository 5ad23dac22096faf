#if Engines
import Foundation
import Swage
import SwageText

extension Swage_V1_EncodeRequest.Chat {
    init(_ chat: Swage.Chat, addGenerationPrompt: Bool) {
        self.init()
        turns = chat.messages.map(Turn.init)
        self.addGenerationPrompt = addGenerationPrompt
        tools = chat.tools.isEmpty ? "" : JSONValue.list(chat.tools).json
        documents = chat.documents.isEmpty ? "" : JSONValue.list(chat.documents).json
        templateArguments = chat.templateArguments.isEmpty ? "" : JSONValue.object(chat.templateArguments).json
    }

    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for what is no JSON, or of another kind.
    var chat: Swage.Chat {
        get throws {
            Swage.Chat(
                try turns.map { try $0.message }, tools: try Self.list(tools, "tools"), documents: try Self.list(documents, "documents"),
                templateArguments: try Self.object(templateArguments, "template_arguments"))
        }
    }

    private static func list(_ text: String, _ name: String) throws -> [JSONValue] {
        guard !text.isEmpty else { return [] }
        let value = try JSONValue(json: Data(text.utf8))
        guard let list = value.list else { throw TrainerError(.invalidData, "\(name) is \(value.summary)", expected: "a list in JSON") }
        return list
    }

    fileprivate static func object(_ text: String, _ name: String) throws -> JSONObject {
        guard !text.isEmpty else { return [:] }
        let value = try JSONValue(json: Data(text.utf8))
        guard let object = value.object else { throw TrainerError(.invalidData, "\(name) is \(value.summary)", expected: "an object of JSON") }
        return object
    }
}

extension Swage_V1_EncodeRequest.Chat.Turn {
    init(_ message: ChatMessage) {
        self.init()
        (role, content) = (message.role, message.content)
        if let thought = message.reasoningContent { reasoningContent = thought }
        if let weight = message.weight { self.weight = Int64(weight) }
        fields = message.fields.isEmpty ? "" : JSONValue.object(message.fields).json
    }

    var message: ChatMessage {
        get throws {
            ChatMessage(
                role: role, content: content, reasoningContent: hasReasoningContent ? reasoningContent : nil,
                weight: hasWeight ? Int(clamping: weight) : nil, fields: try Swage_V1_EncodeRequest.Chat.object(fields, "fields"))
        }
    }
}
#endif
