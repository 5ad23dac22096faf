import Swage
import SwageJinja

/// A rendered conversation, with what of it is whose and where each turn of interest begins.
struct ChatText {
    /// A turn that a model writes: one of the assistant, or any that is learned.
    struct Turn {
        let message: Int
        let isLearned: Bool
        /// Whether what stands before it is what an answer is asked for with.
        let isAsked: Bool
        /// Where its writing begins, as an offset in UTF-8: behind the generation prompt.
        let start: Int
        /// The end of the last character that is of the message; `start` if none is.
        let wordsEnd: Int
        /// Of what that character is.
        let lastPart: MessagePart
        /// How far its end may lie: to the words of the next message.
        let limit: Int
    }

    /// The conversation, with its contents as the template reads them.
    let chat: Chat
    let utf8: [UInt8]
    let runs: [OwnerRun]
    /// In the order of the text.
    let turns: [Turn]
    /// What the template's own marks say is the assistant's; empty for a template without.
    let marks: [Range<Int>]
    /// What a person may not expect of how the conversation is written.
    let notes: [String]
}

extension ChatTemplate {
    /// The text of a conversation and the turns in it.
    /// - Throws: ``TrainerError`` with code `invalidData` where the template refuses the conversation.
    func text(of chat: Chat, addGenerationPrompt: Bool) throws -> ChatText {
        let chat = readable(chat)
        let rendering = try rendering(of: chat, addGenerationPrompt: addGenerationPrompt)
        let finder = TurnFinder(template: self, chat: chat, rendering: rendering)
        let turns = finder.turns()
        return ChatText(
            chat: chat, utf8: finder.utf8, runs: rendering.runs, turns: turns, marks: rendering.generations, notes: finder.notes(of: turns))
    }
}
