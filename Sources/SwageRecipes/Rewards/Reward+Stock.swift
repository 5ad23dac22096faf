import Swage
import Foundation

extension Reward {
    /// 1 if the reply is the answer, but for space around it and the case of letters.
    public static let exactMatch = Reward("exact_match", cannotScore: withoutAnswer) { conversation in
        normalized(conversation.answer) == conversation.problem.answer.map(normalized) ? 1 : 0
    }

    /// 1 if the number that the reply gives is the one that the answer gives.
    ///
    /// In both it is looked for where graders of GSM8K and MATH look: directly behind the last `####`; else the last number in the
    /// last `\boxed{…}`; else the last number. Numbers are compared exactly, digit by digit, whatever their size.
    ///
    /// A number has a sign (`-`, `+`, `−`, `–`), unless that stands directly behind a letter, a digit or a closing bracket:
    /// `10-20` ends with 20, `5-3` with 3; a sign with a space behind it is none. It has digits with or without commas between
    /// thousands, a part behind a point (`1,234.50`, `.5`), and perhaps a power of ten (`1e-1`, `2 \times 10^5`). Two with `/` between
    /// them, or in `\frac`, are a fraction, a whole one before it belongs to it: `3/4` equals `0.75`, `1 1/2` 1.5. Digits of all writing
    /// systems count, and ½ does not. Currencies, units (`cm^2`) and `%` are passed over: `50%` equals 50. Where a root, a power, π, an
    /// imaginary part, another base or a pair stands in the number's place, there is none: nothing is right or wrong by its digits.
    /// A point at the end of a sentence is none of the number. Spaces and points between
    /// thousands are not understood: `1 234` ends with 234, and `1.000,5` with 5.
    public static let number = Reward("number", cannotScore: withoutNumber) { conversation in
        guard let wanted = NumberReader.answer(in: conversation.problem.answer ?? "") else { return 0 }
        return NumberReader.answer(in: conversation.answer) == wanted ? 1 : 0
    }

    /// 1 if the answer stands somewhere in the reply.
    public static let contains = Reward("contains", cannotScore: withoutAnswer) { conversation in
        guard let answer = conversation.problem.answer.map(normalized) else { return 0 }
        return normalized(conversation.answer).contains(answer) ? 1 : 0
    }

    /// 1 if the reply came to its end within the limit of tokens.
    public static let finished = Reward("finished") { $0.finishReason == .length ? 0 : 1 }

    /// The rewards that can be named where no code can be written.
    public static let stock = [exactMatch, number, contains, finished]

    /// The same reward, counted differently.
    public func weighted(_ weight: Double) -> Reward {
        Reward(name, weight: weight, timeout: timeout, cannotScore: cannotScore, score: score)
    }

    /// The same reward, with another limit of time.
    public func within(_ timeout: Duration) -> Reward {
        Reward(name, weight: weight, timeout: timeout, cannotScore: cannotScore, score: score)
    }

    private static let withoutAnswer: @Sendable (Problem) -> String? = { problem in
        normalized(problem.answer ?? "").isEmpty ? "has no answer" : nil
    }

    private static let withoutNumber: @Sendable (Problem) -> String? = { problem in
        guard let answer = problem.answer, !normalized(answer).isEmpty else { return "has no answer" }
        return NumberReader.answer(in: answer) == nil ? "has no number in its answer" : nil
    }

    private static func normalized(_ text: String) -> String {
        text.trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
    }
}
