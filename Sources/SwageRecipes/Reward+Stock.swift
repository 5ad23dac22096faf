import Foundation

extension Reward {
    /// 1 if the reply is the answer, but for space around it and the case of letters.
    public static let exactMatch = Reward("exact_match") { conversation in
        normalized(conversation.reply) == conversation.problem.answer.map(normalized) ? 1 : 0
    }

    /// 1 if the last number in the reply is the answer's.
    public static let number = Reward("number") { conversation in
        guard let wanted = lastNumber(in: conversation.problem.answer ?? "") else { return 0 }
        return lastNumber(in: conversation.reply) == wanted ? 1 : 0
    }

    /// 1 if the answer stands somewhere in the reply.
    public static let contains = Reward("contains") { conversation in
        guard let answer = conversation.problem.answer.map(normalized) else { return 0 }
        return normalized(conversation.reply).contains(answer) ? 1 : 0
    }

    /// 1 if the reply came to its end within the limit of tokens.
    public static let finished = Reward("finished") { $0.finishReason == .length ? 0 : 1 }

    /// The rewards that can be named where no code can be written.
    public static let stock = [exactMatch, number, contains, finished]

    /// The same reward, counted differently.
    public func weighted(_ weight: Double) -> Reward { Reward(name, weight: weight, timeout: timeout, score: score) }

    /// The same reward, with another limit of time.
    public func within(_ timeout: Duration) -> Reward { Reward(name, weight: weight, timeout: timeout, score: score) }

    private static func normalized(_ text: String) -> String {
        text.trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
    }

    static func lastNumber(in text: String) -> Double? {
        text.matches(of: /-?\d[\d,]*(?:\.\d+)?/).last.flatMap { Double($0.output.replacing(",", with: "")) }
    }
}
