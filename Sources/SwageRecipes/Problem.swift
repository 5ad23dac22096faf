import Foundation
import Swage
import SwageText

/// What a model is asked in reinforcement learning, and what a reward may want to know of it.
public struct Problem: Sendable, Equatable, Codable {
    /// How the conversation begins; the model speaks next.
    public var messages: [ChatMessage]
    /// The right answer, where there is one.
    public var answer: String?
    /// Whatever else the data has, by name; what is not text, as JSON.
    public var fields: [String: String]

    public init(messages: [ChatMessage], answer: String? = nil, fields: [String: String] = [:]) {
        (self.messages, self.answer, self.fields) = (messages, answer, fields)
    }
}

/// An endless supply of problems, each with a number.
public protocol ProblemSource: Sendable {
    /// The problem of that number, 0 or more: the same one whenever it is asked for.
    func problem(_ number: Int) throws -> Problem

    /// What tells it from other sources. By default, a digest of its first problems.
    func content() throws -> RunIdentity.Content
}

extension ProblemSource {
    public func content() throws -> RunIdentity.Content {
        .init(of: try RecordCoding.encode(try (0..<16).map(problem)))
    }
}

/// Problems of a file, in an order that is drawn anew for every pass over them.
public struct ProblemFile: ProblemSource {
    private let data: JSONLines<Problem>
    /// Nil keeps the order of the file.
    private let shuffleSeed: UInt64?

    public init(_ data: JSONLines<Problem>, shuffleSeed: UInt64? = 0) {
        (self.data, self.shuffleSeed) = (data, shuffleSeed)
    }

    public func content() throws -> RunIdentity.Content {
        let order = shuffleSeed.map { ", shuffled by \($0)" } ?? ""
        let left = data.skipped.isEmpty ? "" : ", without \(data.skipped.count) lines"
        return .init(path: data.path, digest: data.contentDigest + order + left)
    }

    public func problem(_ number: Int) throws -> Problem {
        try data[SeededOrder(count: data.count, seed: shuffleSeed).index(number)]
    }
}

extension Problem: JSONLineDecodable {
    /// Reads one line of what TRL calls a prompt-only data set, `{"prompt": "…" or [messages], "answer": …}`, or of
    /// OpenAI's `{"messages": [...], "reference_answer": …}`. The answer may also be named `solution`,
    /// `ground_truth` or `completion`; an assistant's last message counts as the answer too. All other keys become fields.
    public init(json: Data) throws {
        let line = try JSONValue.object(json)
        guard let asked = line["prompt"] ?? line["messages"], var messages = asked.messages(role: "user"), !messages.isEmpty else {
            throw TrainerError(
                .invalidData, "the line has the keys \(line.keys.sorted())",
                expected: "\"prompt\" or \"messages\": a text, or messages with role and content")
        }
        var answer = Self.answerKeys.compactMap { line[$0] }.first?.asText
        if messages.last?.role == "assistant" { answer = answer ?? messages.removeLast().content }
        guard !messages.isEmpty else {
            throw TrainerError(.invalidData, "an assistant's message is all there is", expected: "a message before it")
        }
        let known = Set(["prompt", "messages"] + Self.answerKeys)
        let fields = line.members.filter { !known.contains($0.key) }.map { ($0.key, $0.value.asText) }
        self.init(messages: messages, answer: answer, fields: Dictionary(fields, uniquingKeysWith: { first, _ in first }))
    }

    private static let answerKeys = ["answer", "reference_answer", "solution", "ground_truth", "completion"]
}
