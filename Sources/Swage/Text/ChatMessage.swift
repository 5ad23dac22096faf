/// One message of a conversation.
public struct ChatMessage: Sendable, Hashable, Codable {
    /// `system`, `user` or `assistant`.
    public var role: String
    public var content: String
    /// What the assistant thought before it wrote `content`, for chat formats that have a place for it.
    public var reasoningContent: String?
    /// 0 for a message of the assistant that a model reads and does not learn to write; nil or 1 for one that it learns.
    public var weight: Int?

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
