import Foundation
import Swage
import SwageText

/// Two completions of one prompt, of which people prefer the first.
public struct PreferencePair: JSONLineDecodable, Equatable {
    public var prompt: [ChatMessage]
    public var chosen: [ChatMessage]
    public var rejected: [ChatMessage]
    /// Whether all three are plain text, and not a conversation.
    public var isText = false

    /// Reads one line of TRL's preference data, `{"prompt", "chosen", "rejected"}`, texts or lists of messages, where the
    /// prompt may also be what both lists begin with; or of OpenAI's
    /// `{"input": {"messages"}, "preferred_output", "non_preferred_output"}`.
    public init(json: Data) throws {
        let line = try JSONValue.object(json)
        var input = line["prompt"]
        if case .object(let object)? = line["input"] { input = object["messages"] }
        guard let chosen = (line["chosen"] ?? line["preferred_output"])?.messages(role: "assistant"),
            let rejected = (line["rejected"] ?? line["non_preferred_output"])?.messages(role: "assistant")
        else {
            throw TrainerError(
                .invalidData, "the line has the keys \(line.keys.sorted())",
                expected: "\"prompt\", \"chosen\" and \"rejected\", or \"input\", \"preferred_output\" and \"non_preferred_output\"")
        }
        if case .text? = line["chosen"], case .text? = line["prompt"] { isText = true }
        if let input {
            guard let messages = input.messages(role: "user") else {
                throw TrainerError(.invalidData, "the prompt is no text and no list of messages", expected: "one of both")
            }
            (prompt, self.chosen, self.rejected) = (messages, chosen, rejected)
        } else {
            let common = zip(chosen, rejected).prefix { $0 == $1 }.count
            prompt = Array(chosen.prefix(common))
            (self.chosen, self.rejected) = (Array(chosen.dropFirst(common)), Array(rejected.dropFirst(common)))
        }
        guard !prompt.isEmpty, !self.chosen.isEmpty, !self.rejected.isEmpty, self.chosen != self.rejected else {
            throw TrainerError(
                .invalidData, "a prompt of \(prompt.count) messages, \(self.chosen.count) chosen and \(self.rejected.count) rejected ones",
                expected: "a prompt, and two different completions of it")
        }
    }

    /// The tokens of both completions after the prompt, cut at `limit`; nil where nothing of a completion is left.
    func tokens(_ tokenizer: any Tokenizer, limit: Int) throws -> [Trajectory]? {
        let rows = try [chosen, rejected].map { completion in
            let tokens: TargetedTokens
            let promptCount: Int
            if isText {
                tokens = try tokenizer.encode(prompt: prompt[0].content, completion: completion[0].content)
                promptCount = 0
            } else {
                tokens = try tokenizer.encode(chat: prompt + completion, addGenerationPrompt: false)
                promptCount = try tokenizer.encode(chat: prompt, addGenerationPrompt: true).ids.count
            }
            let learned = tokens.isTarget.enumerated().map { $0.offset >= promptCount && $0.element }
            return Trajectory(TargetedTokens(ids: tokens.ids, isTarget: learned).cut(to: limit))
        }
        return rows.allSatisfy { $0.writtenCount > 0 } ? rows : nil
    }
}

extension Trajectory {
    fileprivate init(_ tokens: TargetedTokens) {
        self.init(prompt: tokens.ids)
        isWritten = tokens.isTarget
    }
}
