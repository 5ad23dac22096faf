import Swage

/// The form in which a row of training data is written, known by its keys.
struct RowShape {
    /// What it is called, with the keys that it is known by.
    let summary: String
    /// Whether rows of it are texts, in which nobody answers.
    let isText: Bool
    /// Reads a row of this form.
    let take: (inout ExampleRow, inout [String]) throws -> TrainingExample

    /// The first form that has all its keys in the row.
    /// - Throws: ``TrainerError`` with code `invalidData` for a row of no form, or of two.
    init(of row: ExampleRow) throws {
        let found = Self.all.filter { $0.form.fits(row) }
        guard let first = found.first else { throw Self.unread(row) }
        if let second = found.dropFirst().first(where: { !first.covers.contains($0.form.name) }) {
            throw TrainerError(
                .invalidData, "the line has \(row.listedKeys), of \(first.form.name) and of \(second.form.name)",
                expected: "either \(first.form.listed), or \(second.form.listed)")
        }
        summary = first.form.summary(row)
        isText = first.form.name == "text"
        take = first.take
    }

    private static func unread(_ row: ExampleRow) -> TrainerError {
        let isPair = PreferenceForms.all.contains { $0.fits(row) }
        return RowForm.unread(row, all.map(\.form), hint: isPair ? "they are preferences, which swage dpo learns from" : nil)
    }
}

extension RowShape {
    /// A form that training data has.
    fileprivate struct Kind: Sendable {
        let form: RowForm
        /// Other forms whose keys it may have as well.
        var covers: [String] = []
        let take: @Sendable (inout ExampleRow, inout [String]) throws -> TrainingExample
    }

    fileprivate static let all = [
        Kind(
            form: RowForm("conversations", [["messages", "conversations", "conversation"]]), covers: ["prompts with completions"], take: takeMessages),
        Kind(form: RowForm("prompts with completions", [["prompt"], ["completion"]]), take: takeCompletion),
        Kind(form: RowForm("Alpaca's instructions", [["instruction"], ["output", "response"]]), covers: ["text"], take: takeInstruction),
        Kind(form: RowForm("text", [["text"]]), take: takeText),
    ]

    private static func takeMessages(_ row: inout ExampleRow, _ notes: inout [String]) throws -> TrainingExample {
        guard let (key, value) = try row.take(oneOf: ["messages", "conversations", "conversation"]) else { throw unread(row) }
        // Some files hold the list as a text of JSON.
        let messages = try ((try? value.parsed) ?? value).messages(key, &notes)
        if row.has("completion") {
            throw TrainerError(.invalidData, "the line has \(row.listedKeys)", expected: "either \"\(key)\", or \"prompt\" and \"completion\"")
        }
        if let prompt = row.take("prompt") { try check(prompt, beside: messages, key, &notes) }
        return .chat(try row.takeChat(messages))
    }

    /// What is asked is named beside the conversation in UltraChat and its kin.
    private static func check(_ prompt: JSONValue, beside messages: [ChatMessage], _ key: String, _ notes: inout [String]) throws {
        if let text = prompt.text {
            guard let asked = messages.first(where: { $0.role == "user" })?.content, asked.hasSameBytes(as: text) else {
                throw TrainerError(
                    .invalidData, "the line has \"\(key)\" and \"prompt\", which is not what the user says first in them", expected: "either of them")
            }
        } else {
            let asked = try prompt.messages("prompt", &notes)
            guard messages.starts(with: asked) else {
                throw TrainerError(
                    .invalidData, "the line has \"\(key)\" and \"prompt\", with which they do not begin", expected: "either of them")
            }
        }
    }

    private static func takeCompletion(_ row: inout ExampleRow, _ notes: inout [String]) throws -> TrainingExample {
        guard let prompt = row.take("prompt"), let completion = row.take("completion") else { throw unread(row) }
        if let prompt = prompt.text, let completion = completion.text { return .completion(prompt: prompt, completion: completion) }
        guard prompt.list != nil, completion.list != nil else {
            throw TrainerError(
                .invalidData, "\"prompt\" is \(prompt.summary) and \"completion\" is \(completion.summary)",
                expected: "two texts, or two lists of messages")
        }
        let asked = try prompt.messages("prompt", &notes)
        let answered = try completion.messages("completion", &notes)
        guard answered[0].role == "assistant" else {
            throw TrainerError(.invalidData, "\"completion\" begins with the \(answered[0].role)", expected: "the assistant")
        }
        return .chatCompletion(prompt: try row.takeChat(asked), completion: answered)
    }

    /// The instruction, and what it is about on a line of its own, as the user's words.
    private static func takeInstruction(_ row: inout ExampleRow, _ notes: inout [String]) throws -> TrainingExample {
        guard let instruction = try row.takeText("instruction"), let (key, output) = try row.take(oneOf: ["output", "response"]),
            let answer = output.text
        else { throw TrainerError(.invalidData, "an instruction without text", expected: "texts under \"instruction\" and \"output\"") }
        var messages = try takeHistory(&row)
        let about = try row.take(oneOf: ["input", "context"]).map { key, value in
            guard let text = value.text else { throw TrainerError(.invalidData, "\"\(key)\" is \(value.summary)", expected: "a text") }
            return text
        }
        let asked = about.map { $0.isEmpty ? instruction : "\(instruction)\n\($0)" } ?? instruction
        messages += [ChatMessage(role: "user", content: asked), ChatMessage(role: "assistant", content: answer)]
        guard !answer.isEmpty else { throw TrainerError(.invalidData, "\"\(key)\" is empty", expected: "an answer") }
        return .chat(try row.takeChat(messages))
    }

    /// Earlier questions and answers, in pairs.
    private static func takeHistory(_ row: inout ExampleRow) throws -> [ChatMessage] {
        guard let history = row.take("history") else { return [] }
        let pairs = history.list?.map { $0.list?.compactMap(\.text) ?? [] }
        guard let pairs, pairs.allSatisfy({ $0.count == 2 }) else {
            throw TrainerError(.invalidData, "\"history\" is \(history.summary)", expected: "a list of pairs of texts")
        }
        return pairs.flatMap { [ChatMessage(role: "user", content: $0[0]), ChatMessage(role: "assistant", content: $0[1])] }
    }

    private static func takeText(_ row: inout ExampleRow, _ notes: inout [String]) throws -> TrainingExample {
        guard let value = row.take("text") else { throw unread(row) }
        guard let text = value.text else { throw TrainerError(.invalidData, "\"text\" is \(value.summary)", expected: "a text") }
        if let other = ["prompt", "completion"].first(where: row.has) {
            throw TrainerError(.invalidData, "the line has \(row.listedKeys)", expected: "either \"text\", or \"\(other)\" and what belongs to it")
        }
        // What kind of text it is, as data of classification says, and not whether people like it.
        if row.take("label") != nil { notes.append("the key \"label\" is not read") }
        return .text(text)
    }
}
