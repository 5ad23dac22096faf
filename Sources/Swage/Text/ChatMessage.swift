/// One message of a conversation.
public struct ChatMessage: Sendable, Hashable, Codable {
    /// `system`, `user` or `assistant`.
    public var role: String
    /// What is said, without the marks that a chat format puts around it. Where `reasoningContent` is nil, a format that has a
    /// place for thoughts may find one in here.
    public var content: String
    /// What the assistant thought before it wrote `content`, for chat formats that have a place for it.
    public var reasoningContent: String?
    /// 0 for a message of the assistant that a model reads and does not learn to write; nil or 1 for one that it learns.
    public var weight: Int?

    /// Role and weight are checked when the message is encoded (``Tokenizer/encode(chat:addGenerationPrompt:)``), and not here.
    public init(role: String, content: String, reasoningContent: String? = nil, weight: Int? = nil) {
        self.role = role
        self.content = content
        self.reasoningContent = reasoningContent
        self.weight = weight
    }

    private enum CodingKeys: String, CodingKey {
        case role, content, weight
        case reasoningContent = "reasoning_content"
    }
}
