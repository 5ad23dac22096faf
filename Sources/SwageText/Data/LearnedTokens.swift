package import Swage

/// Which tokens of an example the loss counts.
public enum LearnedTokens: Sendable, Hashable {
    /// The assistant's turns with the tokens that end them, completions, and all of a plain text.
    case assistant
    /// Of each conversation the assistant's last turn alone.
    case last
    /// The turns of these roles.
    case roles([String])
    /// Every token but the first.
    case all
}

extension LearnedTokens: RawRepresentable, Codable {
    /// `assistant`, `last`, `all`, or roles with commas between, such as `user,assistant`.
    public init?(rawValue: String) {
        let roles = rawValue.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        switch rawValue {
        case "assistant": self = .assistant
        case "last": self = .last
        case "all": self = .all
        case _ where roles.allSatisfy(ChatMessage.roles.contains) && Set(roles).count == roles.count: self = .roles(roles)
        default: return nil
        }
    }

    public var rawValue: String {
        switch self {
        case .assistant: "assistant"
        case .last: "last"
        case .all: "all"
        case .roles(let roles): roles.joined(separator: ",")
        }
    }
}

extension LearnedTokens {
    /// The messages with weights that say which of them are learned.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for a message that is not to be learned where all tokens are, or is to be
    ///   learned where the assistant's alone are.
    func marked(_ messages: [ChatMessage]) throws -> [ChatMessage] {
        switch self {
        case .assistant:
            try Self.requireUnlearned(messages)
            return messages
        case .last:
            try Self.requireUnlearned(messages)
            let last = messages.lastIndex { $0.role == "assistant" }
            return messages.enumerated().map { index, message in index == last ? message : message.unlearned }
        case .roles(let roles):
            return messages.map { message in
                message.with(weight: roles.contains(message.role) && message.weight != 0 ? 1 : 0)
            }
        case .all:
            guard let message = messages.first(where: { $0.weight == 0 }) else { return messages }
            throw TrainerError(
                .invalidData, "a message of the \(message.role) has the weight 0, and all tokens are to be learned",
                expected: "the assistant's tokens alone to be learned, or no weights of 0")
        }
    }
}

extension LearnedTokens {
    private static func requireUnlearned(_ messages: [ChatMessage]) throws {
        guard let odd = messages.first(where: { $0.weight == 1 && $0.role != "assistant" }) else { return }
        throw TrainerError(
            .invalidData, "a message of the \(odd.role) is to be learned (its weight is 1), and only the assistant's are",
            expected: "its weight to be 0 or not there, or --loss-on \(odd.role),assistant")
    }
}

extension ChatMessage {
    /// The roles that rows may name.
    package static let roles = ["system", "developer", "user", "assistant", "tool"]

    /// The same, of which nothing is learned.
    package var unlearned: ChatMessage { with(weight: 0) }

    fileprivate func with(weight: Int) -> ChatMessage {
        var copy = self
        copy.weight = weight
        return copy
    }
}
