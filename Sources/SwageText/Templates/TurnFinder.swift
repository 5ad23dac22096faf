import Swage
import SwageJinja

/// Finds the turns of a rendered conversation by what the template makes of its beginnings, and by whose the characters are.
struct TurnFinder {
    let template: ChatTemplate
    let chat: Chat
    let utf8: [UInt8]
    /// Where the words of each message lie: its content, thought and calls.
    private let words: [MessageWords]
    /// Which parts of which message come out, and whether tools and documents do.
    private let parts: Set<Int32>

    init(template: ChatTemplate, chat: Chat, rendering: Rendering) {
        (self.template, self.chat, utf8) = (template, chat, Array(rendering.text.utf8))
        words = MessageWords.of(chat.messages.count, in: rendering)
        parts = Set(rendering.runs.lazy.filter { $0.count > 0 }.map(\.owner))
    }

    /// The turns that a model writes, each behind the prompt that it would be written after.
    func turns() -> [ChatText.Turn] {
        var turns: [ChatText.Turn] = []
        var known = Openings()
        let last = chat.messages.lastIndex { $0.role == "assistant" }
        for (index, message) in chat.messages.enumerated() where message.role == "assistant" || message.isLearned {
            let earliest = turns.last?.wordsEnd ?? 0
            guard let (start, isAsked) = start(of: index, after: earliest, isLast: index == last, &known) else { continue }
            let own = ownWords(of: index)
            for (number, words) in (own.isEmpty ? [MessageWords.Stretch(range: start..<start, part: .content)] : own).enumerated() {
                let begin = number == 0 ? start : words.range.lowerBound
                let end = max(words.range.upperBound, begin)
                turns.append(
                    .init(
                        message: index, isLearned: message.isLearned, isAsked: isAsked, start: begin, wordsEnd: end, lastPart: words.part,
                        limit: limit(of: index, from: end)))
            }
        }
        return turns.sorted { $0.start < $1.start }
    }

    /// The words of a message, without what is repeated of them: templates write the name of a tool that was called before its result.
    private func ownWords(of index: Int) -> [MessageWords.Stretch] {
        guard chat.messages[index].fields.hasCalls, index + 1 < chat.messages.count,
            let alone = try? template.rendering(of: chat.with(Array(chat.messages[...index])), addGenerationPrompt: false)
        else { return words[index].stretches }
        let own = MessageWords.of(index + 1, in: alone)[index].count(of: .field)
        return words[index].keeping(own, of: .field).stretches
    }

    /// Where the words of the next message begin.
    private func limit(of index: Int, from end: Int) -> Int {
        words.enumerated().filter { $0.offset != index }.compactMap { $0.element.firstStart(from: end) }.min() ?? utf8.count
    }

    /// What the template writes before the words of an answer, as far as it has been looked at.
    private struct Openings {
        /// What stands between the words before an answer and the answer, where the prompt ends with it.
        var gaps: Set<ArraySlice<UInt8>> = []
        /// What a generation prompt adds.
        var added: [UInt8]?
    }

    /// - Returns: where a turn begins, and whether an answer is asked for so; nil for a turn that the template leaves out.
    private func start(of index: Int, after earliest: Int, isLast: Bool, _ known: inout Openings) -> (Int, isAsked: Bool)? {
        let message = chat.messages[index]
        let first = words[index].runs.first?.range.lowerBound
        guard message.role == "assistant" else { return first.map { ($0, true) } }
        let gap = first.map { first in
            utf8[min(first, max(earliest, words[..<index].compactMap { $0.lastEnd(upTo: first) }.max() ?? 0))..<first]
        }
        // Rendering the conversation up to each answer would take time by the square of its length.
        if let gap, let first, !isLast, known.gaps.contains(gap) { return (first, true) }
        let before = index == 0 ? nil : chat.with(Array(chat.messages[..<index]))
        let prompt = before.flatMap { try? template.rendering(of: $0, addGenerationPrompt: true) }.map { Array($0.text.utf8) }
        if let prompt, prompt.count >= earliest, utf8.starts(with: prompt) {
            if let gap, first == prompt.count { known.gaps.insert(gap) }
            return (prompt.count, true)
        }
        guard let first, let gap else {
            guard message.saysNothing, let before, let prompt else { return nil }
            return emptyStart(after: before, prompt, earliest).map { ($0, false) }
        }
        // What the template writes of earlier messages depends on later ones: what the prompt adds is looked for, before the words.
        if known.added == nil, let before, let prompt, let bare = try? template.rendering(of: before, addGenerationPrompt: false) {
            let without = Array(bare.text.utf8)
            if prompt.starts(with: without) { known.added = Array(prompt[without.count...]) }
        }
        guard let opening = known.added, !opening.isEmpty else { return (first, true) }
        if let found = gap.lastRange(of: opening) { return (found.upperBound, true) }
        let begun = Self.beginnings(of: opening).lazy.compactMap { gap.lastRange(of: $0) }.first
        if let begun { return (begun.upperBound, false) }
        return (callStart(of: index, before: first, after: before, earliest) ?? first, false)
    }

    /// As much of what a prompt adds as may be there, up to the end of a line, a tag or a word: the longest first.
    private static func beginnings(of opening: [UInt8]) -> [[UInt8]] {
        opening.indices.reversed().filter { [0x0A, 0x20, 0x3A, 0x3E, 0x5D].contains(opening[$0]) }.map { Array(opening[...$0]) }
    }

    /// Where an answer without words begins: behind what its prompt and it have in common.
    private func emptyStart(after before: Chat, _ prompt: [UInt8], _ earliest: Int) -> Int? {
        guard let bare = try? Array(template.rendering(of: before, addGenerationPrompt: false).text.utf8),
            utf8.starts(with: bare), prompt.starts(with: bare), bare.count >= earliest
        else { return nil }
        let rest = utf8[bare.count...]
        return Self.beginnings(of: Array(prompt[bare.count...])).first { rest.starts(with: $0) }.map { bare.count + $0.count }
    }

    /// Where a call begins that nothing of a prompt opens: behind all that stands there without it, for the tag that opens it is the
    /// template's own.
    private func callStart(of index: Int, before first: Int, after before: Chat?, _ earliest: Int) -> Int? {
        guard words[index].runs.first?.part == .field, let before,
            let bare = try? template.rendering(of: before, addGenerationPrompt: false).text.utf8, utf8.starts(with: bare)
        else { return nil }
        return (earliest...max(earliest, first)).contains(bare.count) ? bare.count : nil
    }

    /// What of one message does not come out.
    private func leftOut(of message: ChatMessage, _ index: Int) -> [String] {
        var notes: [String] = []
        switch words[index].loss(of: message.content, .content, in: utf8) {
        case .none: break
        case .part where message.role == "assistant" && message.content.contains("</think>"):
            notes.append("the chat template leaves out a thought that stands within what the assistant says")
        case .part: notes.append("the chat template leaves out a part of what a message of the \(message.role) says")
        case .all: notes.append("the chat template leaves out what a message of the \(message.role) says")
        }
        switch words[index].loss(of: message.reasoningContent ?? "", .thought, in: utf8) {
        case .none: break
        case .part: notes.append("the chat template leaves out a part of a thought of the assistant")
        case .all: notes.append("the chat template leaves out a thought of the assistant")
        }
        guard !parts.contains(MessagePart.field.owner(index)) else { return notes }
        if message.fields.hasCalls { return notes + ["the chat template leaves out a call of a tool"] }
        let keys = message.fields.members.filter { $0.key != "content" && $0.value.text?.isEmpty == false }.map(\.key)
        return notes + keys.map { "the chat template leaves out \"\($0)\" of a message of the \(message.role)" }
    }

    /// What of the messages does not come out.
    func notes(of turns: [ChatText.Turn]) -> [String] {
        var notes: [String] = []
        if turns.contains(where: { !$0.isAsked && chat.messages[$0.message].isLearned }) {
            notes.append("the chat template begins an answer otherwise than it asks for one: what is learned begins with its words")
        }
        for (index, message) in chat.messages.enumerated() {
            notes += leftOut(of: message, index)
        }
        if !chat.tools.isEmpty, !parts.contains(MessagePart.tools) { notes.append("the chat template has no place for tools, and leaves them out") }
        if !chat.documents.isEmpty, !parts.contains(MessagePart.documents) {
            notes.append("the chat template has no place for documents, and leaves them out")
        }
        for key in chat.templateArguments.keys where key != ChatTemplate.emptyTools && !template.names.contains(key[...]) {
            notes.append("the chat template does not ask for \"\(key)\"")
        }
        return notes
    }
}

extension ChatMessage {
    /// Whether nothing of it can come out.
    fileprivate var saysNothing: Bool {
        content.allSatisfy(\.isWhitespace) && (reasoningContent ?? "").allSatisfy(\.isWhitespace) && !fields.hasCalls
    }
}

extension RandomAccessCollection where Element == UInt8, Index == Int {
    /// The last place at which `pattern` stands.
    fileprivate func lastRange(of pattern: [UInt8]) -> Range<Int>? {
        guard !pattern.isEmpty, count >= pattern.count else { return nil }
        return (startIndex...endIndex - pattern.count).last { self[$0..<$0 + pattern.count].elementsEqual(pattern) }
            .map { $0..<$0 + pattern.count }
    }
}
