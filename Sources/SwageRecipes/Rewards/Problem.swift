public import Foundation
public import Swage
public import SwageText

/// What a model is asked in reinforcement learning, and what a reward may want to know of it.
public struct Problem: Sendable, Equatable, Codable {
    /// How the conversation begins; the model speaks next.
    public var messages: [ChatMessage]
    /// The right answer, where there is one.
    public var answer: String?
    /// Whatever else the data has, by name; what is not text, as JSON.
    public var fields: [String: String]

    /// Only the messages are required. Rewards that compare with the answer need one.
    public init(messages: [ChatMessage], answer: String? = nil, fields: [String: String] = [:]) {
        (self.messages, self.answer, self.fields) = (messages, answer, fields)
    }
}

extension Problem: JSONLineDecodable {
    /// Reads one line of what TRL calls a prompt-only data set, `{"prompt": "…" or [messages], "answer": …}`, or of
    /// OpenAI's `{"messages": [...], "reference_answer": …}`, or of verl's `{"prompt": [messages], "reward_model": {"ground_truth": …}}`.
    ///
    /// The answer may also be named `solution`, `ground_truth` or `completion`. A last message of the assistant is a
    /// solution: it is the answer where no other is given, and never part of what is asked. All other keys become fields.
    public init(json: Data, notes: inout [String]) throws {
        var row = try ExampleRow(json: json)
        guard let form = Self.forms.first(where: { $0.fits(row) }) else { throw RowForm.unread(row, Self.forms) }
        let summary = form.summary(row, beside: Self.answerKeys + ["messages", "reward_model"])
        let (asked, key) = try Self.takeMessages(&row, &notes)
        var messages = try row.withSystem(asked)
        var answer: String?
        for name in Self.answerKeys where answer == nil { answer = try row.take(name).flatMap { try Self.answer($0, name) } }
        if answer == nil, let truth = row.take("reward_model") {
            guard let value = truth["ground_truth"] else {
                throw TrainerError(.invalidData, "\"reward_model\" is \(truth.summary)", expected: "an object with \"ground_truth\"")
            }
            answer = try Self.answer(value, "reward_model.ground_truth")
        }
        if let last = messages.last, last.role == "assistant" {
            guard answer == nil || key == "messages" || last.content.isEmpty else {
                throw TrainerError(
                    .invalidData, "\"prompt\" ends with words of the assistant, and there is an answer beside it",
                    expected: "a prompt that ends with the question, or a solution as the last of \"messages\"")
            }
            if let answer, !last.content.isEmpty, !answer.hasSameBytes(as: last.content) {
                notes.append("the solution at the end of \"messages\" is not read, for the answer stands beside them")
            }
            if !last.content.isEmpty { answer = answer ?? last.content }
            messages.removeLast()
            guard messages.last?.role != "assistant" else {
                throw TrainerError(
                    .invalidData, "two messages of the assistant stand at the end of \"\(key)\"",
                    expected: "one, which is the solution, or none")
            }
        }
        guard !messages.isEmpty else {
            throw TrainerError(.invalidData, "an assistant's message is all there is", expected: "a message before it")
        }
        for (key, value) in row.untaken {
            if let reason = MeaningfulKeys.question[key.lowercased()]?(value) ?? MeaningfulKeys.leavesOut(key, value) {
                throw TrainerError(.invalidData, "\"\(key)\" \(reason), which is not supported", expected: "a line without it")
            }
            notes.append("the key \"\(key)\" is a field, which rewards written in code may read and the stock ones do not")
        }
        self.init(
            messages: messages, answer: answer,
            fields: Dictionary(uniqueKeysWithValues: row.untaken.map { ($0.key, $0.value.asText) }))
        notes.append("read as \(summary)")
    }

    private static let forms = [RowForm("problems", [["prompt"]]), RowForm("problems", [["messages"]])]

    /// An answer as text; nil for an empty one.
    private static func answer(_ value: JSONValue, _ name: String) throws -> String? {
        guard value.list == nil, value.object == nil else {
            throw TrainerError(.invalidData, "\"\(name)\" is \(value.summary)", expected: "a text, a number or a flag")
        }
        return value.text.map { $0.allSatisfy(\.isWhitespace) } == true ? nil : value.asText
    }

    /// What is asked, and the key that it stands under.
    private static func takeMessages(_ row: inout ExampleRow, _ notes: inout [String]) throws -> ([ChatMessage], key: String) {
        let (prompt, messages) = (row.take("prompt"), row.take("messages"))
        let asked = try prompt.map { prompt in
            try prompt.text.map { [ChatMessage(role: "user", content: $0)] } ?? prompt.messages("prompt", &notes)
        }
        let whole = try messages.map { messages in
            try messages.text.map { [ChatMessage(role: "user", content: $0)] } ?? messages.messages("messages", &notes)
        }
        switch (asked, whole) {
        case (let asked?, nil): return (asked, "prompt")
        case (nil, let whole?): return (whole, "messages")
        // Some data has the question twice, alone and at the beginning of the conversation.
        case (let asked?, let whole?) where whole.starts(with: asked, by: { $0.isSpelled(as: $1) }): return (whole, "messages")
        default:
            throw TrainerError(
                .invalidData, "the line has \(row.listedKeys)",
                expected: "\"prompt\" or \"messages\", and not two that differ")
        }
    }

    private static let answerKeys = ["answer", "reference_answer", "solution", "ground_truth", "completion"]
}
