/// A conversation, and what a model's chat template is told beside it.
public struct Chat: Sendable, Hashable, Codable {
    /// What is said, in that order.
    public var messages: [ChatMessage]
    /// The tools that the model may call, as JSON schemas in the form of OpenAI and Hugging Face.
    public var tools: [JSONValue]
    /// Documents that the model may quote, for templates that have a place for them.
    public var documents: [JSONValue]
    /// What else the template is told, such as `enable_thinking`.
    public var templateArguments: JSONObject

    /// Only the messages are required.
    public init(
        _ messages: [ChatMessage], tools: [JSONValue] = [], documents: [JSONValue] = [], templateArguments: JSONObject = [:]
    ) {
        (self.messages, self.tools, self.documents, self.templateArguments) = (messages, tools, documents, templateArguments)
    }
}

extension Chat {
    /// The same, with other messages.
    package func with(_ messages: [ChatMessage]) -> Chat {
        var copy = self
        copy.messages = messages
        return copy
    }
}
