import Foundation
public import Swage

/// What answers a model in a conversation of several turns: a game, a user, tools that the model calls.
///
/// Every conversation gets its own. What it says becomes part of the conversation, and is nothing that the model learns
/// to write.
public protocol Environment: Sendable {
    /// The messages that follow the model's reply; nil ends the conversation.
    mutating func respond(to reply: String) async throws -> [ChatMessage]?
}

/// A conversation as far as it has gone.
public struct Conversation: Sendable, Equatable {
    /// What it is about. Its messages come before those of the conversation.
    public var problem: Problem
    /// What followed the problem's messages: the model's replies, and what an environment said.
    public var messages: [ChatMessage]
    /// How the model's last reply ended.
    public var finishReason: Completion.FinishReason

    /// By default the last reply is one that the model ended itself.
    public init(problem: Problem, messages: [ChatMessage], finishReason: Completion.FinishReason = .endOfSequence) {
        (self.problem, self.messages, self.finishReason) = (problem, messages, finishReason)
    }

    /// The model's last reply.
    public var reply: String { messages.last { $0.role == "assistant" }?.content ?? "" }

    /// What the last reply says behind its thought, the part that ends with `</think>`: all of it where there is no thought,
    /// and nothing where the thought has no end.
    public var answer: String {
        let reply = reply
        if let end = reply.range(of: "</think>", options: .backwards) { return String(reply[end.upperBound...]) }
        return reply.trimmingCharacters(in: .whitespacesAndNewlines).hasPrefix("<think>") ? "" : reply
    }
}
