/// One message of a conversation.
public struct ChatMessage: Sendable, Hashable, Codable {
    /// `system`, `user`, `assistant`, `tool`, or another that the model's chat template knows.
    public var role: String
    /// What is said, without the marks that a chat format puts around it. Where `reasoningContent` is nil, a format that has a
    /// place for thoughts may find one in here.
    public var content: String
    /// What the assistant thought before it wrote `content`, for chat formats that have a place for it.
    public var reasoningContent: String?
    /// Whether a model learns to write the message: 0 that it reads it, 1 that it learns it; nil that it learns what the assistant says.
    public var weight: Int?
    /// What else a chat template may ask of the message, by the names of Hugging Face: `tool_calls`, `tool_call_id`, `name`.
    /// A `content` of null here says that there is none, which is something else than an empty one; a `content` that is a list holds
    /// the parts that ``content`` is put together from, `{"type": "text", "text": …}`, for templates that read parts.
    public var fields: JSONObject

    /// Role and weight are checked when the message is encoded (``Tokenizer/encode(chat:addGenerationPrompt:)-(Chat,_)``), and not here.
    public init(role: String, content: String, reasoningContent: String? = nil, weight: Int? = nil, fields: JSONObject = [:]) {
        self.role = role
        self.content = content
        self.reasoningContent = reasoningContent
        self.weight = weight
        self.fields = fields
    }

    /// Whether a model learns to write it.
    package var isLearned: Bool { weight.map { $0 != 0 } ?? (role == "assistant") }

    private enum CodingKeys: String, CodingKey {
        case role, content, weight, fields
        case reasoningContent = "reasoning_content"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        role = try container.decode(String.self, forKey: .role)
        content = try container.decode(String.self, forKey: .content)
        reasoningContent = try container.decodeIfPresent(String.self, forKey: .reasoningContent)
        weight = try container.decodeIfPresent(Int.self, forKey: .weight)
        fields = try container.decodeIfPresent(JSONObject.self, forKey: .fields) ?? [:]
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(role, forKey: .role)
        try container.encode(content, forKey: .content)
        try container.encodeIfPresent(reasoningContent, forKey: .reasoningContent)
        try container.encodeIfPresent(weight, forKey: .weight)
        // Those that have none are written as they always were, and known again by it.
        if !fields.isEmpty { try container.encode(fields, forKey: .fields) }
    }
}
