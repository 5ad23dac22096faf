public import Foundation
public import Swage
public import SwageText

/// Two completions of one prompt, of which people prefer the first.
public struct PreferencePair: JSONLineDecodable, Equatable {
    /// What both completions follow, one message or more, and tools. Plain text is one message of the user.
    public var prompt: Chat
    /// The completion that people prefer. It begins with a message of the assistant.
    public var chosen: [ChatMessage]
    /// The other completion, never the same as `chosen`. It begins with a message of the assistant too.
    public var rejected: [ChatMessage]
    /// Whether all three are plain text, and not a conversation.
    public var isText = false

    /// A pair of one's own.
    /// - Parameters:
    ///   - prompt: what both completions follow, one message or more.
    ///   - chosen: the completion that people prefer, from the assistant's first message on.
    ///   - rejected: the other one, from the assistant's first message on.
    /// - Throws: ``Swage/TrainerError`` with code `invalidData` for a completion that does not begin with the assistant, or for
    ///   two that are the same.
    public init(prompt: Chat, chosen: [ChatMessage], rejected: [ChatMessage]) throws {
        try self.init(turns: prompt.messages + chosen, prompt.messages + rejected, prompt: .messages(prompt.messages))
        self.prompt = prompt
        try checkDifference()
    }

    /// Reads one line of TRL's preference data, `{"prompt", "chosen", "rejected"}`, texts or lists of messages; or of
    /// OpenAI's `{"input": {"messages"}, "preferred_output", "non_preferred_output"}`.
    ///
    /// The prompt may stand at the beginning of both completions as well, or there alone, if they are lists.
    public init(json: Data, notes: inout [String]) throws {
        var row = try ExampleRow(json: json)
        guard let form = PreferenceForms.all.first(where: { $0.fits(row) }) else { throw Self.unread(row) }
        let summary = form.summary(row, beside: ["prompt", "input"])
        let prompt = try Self.takePrompt(&row, &notes)
        let chosen = try Self.take("chosen", or: "preferred_output", &row)
        let rejected = try Self.take("rejected", or: "non_preferred_output", &row)
        if let chosen = chosen.value.text, let rejected = rejected.value.text {
            try self.init(texts: chosen, rejected, prompt: prompt, &notes)
        } else {
            guard chosen.value.list != nil, rejected.value.list != nil else {
                throw TrainerError(
                    .invalidData, "\"\(chosen.key)\" is \(chosen.value.summary) and \"\(rejected.key)\" is \(rejected.value.summary)",
                    expected: "two texts, or two lists of messages")
            }
            try self.init(
                turns: chosen.value.messages(chosen.key, &notes), rejected.value.messages(rejected.key, &notes), prompt: prompt)
        }
        let asked = try row.takeChat(self.prompt.messages)
        guard !isText || asked == self.prompt else {
            throw TrainerError(
                .invalidData, "the line has \(row.listedKeys), and its texts are no conversation", expected: "lists of messages beside them")
        }
        self.prompt = asked
        try row.finish(&notes)
        try checkDifference()
        notes.append("read as \(summary)")
    }

    private static func unread(_ row: ExampleRow) -> TrainerError {
        guard PreferenceForms.unpaired.fits(row) else { return RowForm.unread(row, PreferenceForms.all) }
        return TrainerError(
            .invalidData, "the line has \(row.listedKeys): it is an unpaired preference, as KTO learns from, and DPO learns from pairs",
            expected: "\"prompt\", \"chosen\" and \"rejected\", made of an answer whose label is true and one whose label is false to the same prompt")
    }

    private func checkDifference() throws {
        guard !chosen.isSpelled(as: rejected) else {
            throw TrainerError(.invalidData, "both completions are the same", expected: "two that differ")
        }
    }

    private enum Prompt {
        case text(String)
        case messages([ChatMessage])
    }

    private static func takePrompt(_ row: inout ExampleRow, _ notes: inout [String]) throws -> Prompt? {
        let (prompt, input) = (row.take("prompt"), row.take("input"))
        guard prompt == nil || input == nil else {
            throw TrainerError(.invalidData, "the line has \(row.listedKeys)", expected: "either \"prompt\" or \"input\"")
        }
        if let prompt { return try prompt.text.map { .text($0) } ?? .messages(prompt.messages("prompt", &notes)) }
        guard let input else { return nil }
        if let text = input.text { return .text(text) }
        if input.list != nil { return .messages(try input.messages("input", &notes)) }
        guard let object = input.object else {
            throw TrainerError(.invalidData, "\"input\" is \(input.summary)", expected: "a text, a list of messages, or an object with \"messages\"")
        }
        var inner = ExampleRow(object)
        guard let messages = inner.take("messages") else {
            throw TrainerError(.invalidData, "\"input\" has \(inner.listedKeys)", expected: "\"messages\"")
        }
        for key in ["tools", "functions"] {
            if let tools = inner.take(key) { try row.put(tools, under: key) }
        }
        // How calls may follow each other is nothing that a chat template is told.
        if inner.take("parallel_tool_calls") != nil { notes.append("the key \"parallel_tool_calls\" is not read") }
        try inner.finish(&notes)
        return .messages(try messages.messages("input.messages", &notes))
    }

    private static func take(_ key: String, or other: String, _ row: inout ExampleRow) throws -> (key: String, value: JSONValue) {
        switch (row.take(key), row.take(other)) {
        case (let value?, nil): return (key, value)
        case (nil, let value?): return (other, value)
        default:
            throw TrainerError(.invalidData, "the line has \(row.listedKeys)", expected: "either \"\(key)\" or \"\(other)\"")
        }
    }

    private init(texts chosen: String, _ rejected: String, prompt: Prompt?, _ notes: inout [String]) throws {
        func answer(_ text: String) -> [ChatMessage] { [ChatMessage(role: "assistant", content: text)] }
        switch prompt {
        case .messages(let messages):
            (self.prompt, self.chosen, self.rejected) = (Chat(messages), answer(chosen), answer(rejected))
        case .text(let text):
            // "Hi! How are you?" answers "Hi", and does not repeat it: what is a text is a completion, as in TRL.
            if !text.isEmpty, [chosen, rejected].allSatisfy({ $0.utf8.starts(with: text.utf8) }) {
                notes.append("both completions begin with the prompt: they are learned as they stand, after it")
            }
            self.prompt = Chat([ChatMessage(role: "user", content: text)])
            (self.chosen, self.rejected, isText) = (answer(chosen), answer(rejected), true)
        case nil:
            throw TrainerError(.invalidData, "two texts without a prompt", expected: "\"prompt\" beside them")
        }
    }

    private init(turns chosen: [ChatMessage], _ rejected: [ChatMessage], prompt: Prompt?) throws {
        let common = Array(chosen.prefix(zip(chosen, rejected).prefix { $0.isSpelled(as: $1) }.count))
        var asked =
            switch prompt {
            case nil: common
            case .text(let text): [ChatMessage(role: "user", content: text)]
            case .messages(let messages): messages
            }
        var repeated = 0
        if common.starts(with: asked, by: { $0.isSpelled(as: $1) }) {
            repeated = asked.count
        } else if common.first?.role != "assistant", common.suffix(asked.count).isSpelled(as: asked) {
            // The prompt is the question alone, after a system message or earlier turns. What begins with an answer is none of
            // that, whatever is asked again in it.
            (asked, repeated) = (common, common.count)
        }
        self.prompt = Chat(asked)
        (self.chosen, self.rejected) = (Array(chosen.dropFirst(repeated)), Array(rejected.dropFirst(repeated)))
        guard !asked.isEmpty else {
            throw TrainerError(.invalidData, "both completions begin differently, and there is no prompt", expected: "\"prompt\", or lists that begin with it")
        }
        for (name, turns) in [("chosen", self.chosen), ("rejected", self.rejected)] where turns.first?.role != "assistant" {
            throw TrainerError(
                .invalidData,
                turns.first.map { "after the prompt, the \(name) completion begins with the \($0.role)" } ?? "the \(name) completion is nothing but the prompt",
                expected: "the assistant's answer, after nothing or after the prompt that both completions repeat")
        }
    }

    /// The tokens of both completions after the prompt, cut at a limit. A pair that does not differ in them is left out:
    /// rounding alone would move weights.
    func examine(_ tokenizer: any Tokenizer, limit: Int) throws -> Examination<[TargetedTokens]> {
        let whole = try [chosen, rejected].map { completion in
            try isText
                ? tokenizer.encode(prompt: prompt.messages[0].content, completion: completion[0].content)
                : tokenizer.encode(prompt: prompt, completion: completion)
        }
        let rows = whole.map { $0.cut(to: limit) }
        guard whole.allSatisfy(\.hasTarget) else { return .leftOut("nothing to learn in one of the completions") }
        guard rows.allSatisfy(\.hasTarget) else { return .leftOut("nothing of one of the completions within \(limit) tokens") }
        guard rows[0].ids != rows[1].ids else {
            let isCut = whole[0].ids != whole[1].ids
            return .leftOut("both completions are the same tokens\(isCut ? " within the limit of \(limit)" : "")")
        }
        func sum(_ count: (TargetedTokens) -> Int, _ rows: [TargetedTokens]) -> Int { rows.reduce(0) { $0 + count($1) } }
        return .used(
            rows, tokens: sum({ $0.ids.count - 1 }, rows), targets: sum(\.targetCount, rows),
            beyond: sum(\.ids.count, whole) - sum(\.ids.count, rows), notes: whole.flatMap(\.notes))
    }
}

extension ChatMessage {
    /// Whether both are the same, byte by byte: `==` takes a letter with an accent for the letter and the accent.
    func isSpelled(as other: ChatMessage) -> Bool {
        self == other && content.hasSameBytes(as: other.content)
            && (reasoningContent ?? "").hasSameBytes(as: other.reasoningContent ?? "")
    }
}

extension Collection<ChatMessage> {
    fileprivate func isSpelled(as others: some Collection<ChatMessage>) -> Bool {
        count == others.count && zip(self, others).allSatisfy { $0.isSpelled(as: $1) }
    }
}
