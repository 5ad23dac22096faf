import Swage
import SwageJinja

extension ChatTemplate {
    /// The conversation with contents in parts where the template reads them, and as one text where it does not: where it fails on a
    /// list, writes it as Python spells lists, or leaves out what it writes of a text.
    func readable(_ chat: Chat) -> Chat {
        guard chat.messages.contains(where: { $0.parts != nil }) else { return chat }
        guard let written = try? rendering(of: chat, addGenerationPrompt: false) else { return chat.joiningParts { _ in true } }
        let spelled = Set(written.runs.compactMap { run in run.count > 0 ? MessagePart.message(ofNames: run.owner) : nil })
        let roles = Set(spelled.compactMap { $0 < chat.messages.count ? chat.messages[$0].role : nil })
        let rest = roles.isEmpty ? chat : chat.joiningParts { roles.contains($0.role) }
        guard let kept = roles.isEmpty ? written : try? rendering(of: rest, addGenerationPrompt: false) else { return chat.joiningParts { _ in true } }
        return withoutLoss(rest, kept)
    }

    /// The same with one text for those parts of which more comes out so.
    private func withoutLoss(_ chat: Chat, _ written: Rendering) -> Chat {
        let found = written.writtenContent(messages: chat.messages.count)
        let lacking = Set(chat.messages.indices.filter { chat.messages[$0].parts != nil && found[$0] < chat.messages[$0].content.writtenCount })
        if lacking.isEmpty { return chat }
        let roles = Set(lacking.map { chat.messages[$0].role })
        let joined = chat.joiningParts { roles.contains($0.role) }
        guard let other = try? rendering(of: joined, addGenerationPrompt: false) else { return chat }
        let gained = other.writtenContent(messages: chat.messages.count)
        return lacking.contains { gained[$0] > found[$0] } ? joined : chat
    }
}

extension ChatMessage {
    /// The parts of a content that is in parts.
    var parts: [JSONValue]? { fields["content"]?.list }
}

extension Chat {
    /// The same with one text for the parts of some messages.
    fileprivate func joiningParts(_ isJoined: (ChatMessage) -> Bool) -> Chat {
        with(
            messages.map { message in
                guard message.parts != nil, isJoined(message) else { return message }
                var joined = message
                joined.fields["content"] = nil
                return joined
            })
    }
}

extension Rendering {
    /// How many bytes of each message's content come out, white space left aside.
    fileprivate func writtenContent(messages count: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: count)
        var rest = text.utf8[...]
        for run in runs {
            let own = rest.prefix(run.count)
            rest = rest.dropFirst(run.count)
            guard let (message, part) = MessagePart.of(run.owner), part == .content, message < count else { continue }
            counts[message] += own.count { !$0.isWhiteSpace }
        }
        return counts
    }
}

extension String {
    fileprivate var writtenCount: Int { utf8.count { !$0.isWhiteSpace } }
}

extension UInt8 {
    fileprivate var isWhiteSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
