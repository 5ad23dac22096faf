import Swage
import SwageJinja

/// Makes tokens of conversations, by a chat template and whatever turns text into tokens.
struct ChatEncoder {
    let template: ChatTemplate
    let engine: any TokenizerEngine
    /// The ids that end a text.
    let ends: Set<Int32>

    /// The tokens of a conversation. What the assistant writes begins with a token of its own, because that is how it is
    /// generated; everywhere else the ids are those of the whole text.
    func encode(_ chat: Chat, addGenerationPrompt: Bool) throws -> TargetedTokens {
        let text = try template.text(of: chat, addGenerationPrompt: addGenerationPrompt)
        let tokens = try spans(of: text)
        var result = TargetedTokens(ids: tokens.map(\.id), isTarget: tokens.map { _ in false }, owners: owners(tokens, text.runs))
        result.notes = text.notes
        for turn in text.turns where turn.isLearned {
            let (begin, end) = (tokens.firstIndex(from: turn.start), self.end(of: turn, in: text, tokens))
            for index in begin..<max(begin, end) { result.isTarget[index] = true }
            let isEnded = end > 0 && (ends.contains(tokens[end - 1].id) || engine.specialIDs.contains(tokens[end - 1].id))
            if !isEnded, !result.notes.contains(Self.endless) { result.notes.append(Self.endless) }
        }
        if !text.marks.isEmpty { result.notes += difference(result, tokens, text) }
        return result
    }

    private static let endless = "no token that a model stops at is learned at the end of an answer"

    private func spans(of text: ChatText) throws -> [(id: Int32, start: Int)] {
        let borders = [0] + text.turns.filter { $0.start > 0 }.map(\.start) + [text.utf8.count]
        return try zip(borders, borders.dropFirst()).reduce(into: []) { tokens, border in
            tokens += try engine.spans(of: text.utf8[border.0..<max(border.0, border.1)], engine.place(after: tokens.map(\.id)))
        }
    }

    /// For each token the message in whose words it begins.
    private func owners(_ tokens: [(id: Int32, start: Int)], _ runs: [OwnerRun]) -> [Int32] {
        var run = 0
        var runEnd = runs.first?.count ?? 0
        return tokens.map { token in
            while token.start >= runEnd, run + 1 < runs.count {
                run += 1
                runEnd += runs[run].count
            }
            return runs.isEmpty ? -1 : MessagePart.of(runs[run].owner).map { Int32($0.message) } ?? -1
        }
    }

    /// The index behind the last token of a turn: the token that ends it, or else the last of its words.
    private func end(of turn: ChatText.Turn, in text: ChatText, _ tokens: [(id: Int32, start: Int)]) -> Int {
        let first = tokens.firstIndex(from: turn.wordsEnd)
        let last = tokens.firstIndex(from: turn.limit)
        let behind = tokens[first..<max(first, last)]
        if let end = behind.firstIndex(where: { ends.contains($0.id) }) { return end + 1 }
        // No token ends texts here. What is there before anybody answers belongs to the turn, as far as it can be seen.
        let closed = closedEnd(of: turn, in: text)
        let closing = text.utf8[turn.wordsEnd..<max(turn.wordsEnd, min(closed, turn.limit))]
        let visible = closing.lastIndex { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }.map { $0 + 1 } ?? turn.wordsEnd
        let index = max(first, tokens.firstIndex(from: visible))
        // A token that goes on behind what is there is not of the turn.
        let reach = index < tokens.count ? tokens[index].start : text.utf8.count
        return index > first && reach > closed ? index - 1 : index
    }

    /// How far what stands behind a turn is what stands there before anybody answers.
    private func closedEnd(of turn: ChatText.Turn, in text: ChatText) -> Int {
        guard let alone = try? template.rendering(of: text.chat.with(Array(text.chat.messages[...turn.message])), addGenerationPrompt: false) else {
            return turn.wordsEnd
        }
        let words = MessageWords.of(turn.message + 1, in: alone)[turn.message].runs
        let utf8 = Array(alone.text.utf8)
        // An answer without words: what stands there is all that is there of it.
        guard let last = words.last(where: { $0.part == turn.lastPart }) ?? words.last else { return text.utf8.count(inCommonWith: utf8[...]) }
        return turn.wordsEnd + text.utf8[turn.wordsEnd...].count(inCommonWith: utf8[last.range.upperBound...])
    }

    /// Says where the template's own marks learn something else.
    private func difference(_ result: TargetedTokens, _ tokens: [(id: Int32, start: Int)], _ text: ChatText) -> [String] {
        let assistant = Set(text.turns.filter { !$0.isLearned }.map { Int32($0.message) })
        var (more, fewer) = (0, 0)
        for (index, token) in tokens.enumerated() where !assistant.contains(result.owners[index]) {
            let isMarked = text.marks.contains { $0.contains(token.start) }
            if isMarked && !result.isTarget[index] { more += 1 }
            if !isMarked && result.isTarget[index] { fewer += 1 }
        }
        if more == 0, fewer == 0 { return [] }
        return ["the chat template's own marks ({% generation %}) would learn other tokens: \(more) more, \(fewer) fewer"]
    }
}

extension Sequence<UInt8> {
    /// How many bytes both begin with.
    fileprivate func count(inCommonWith other: ArraySlice<UInt8>) -> Int { zip(self, other).prefix { $0 == $1 }.count }
}

extension [(id: Int32, start: Int)] {
    /// The first token that begins at `offset` or behind it.
    fileprivate func firstIndex(from offset: Int) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].start < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
