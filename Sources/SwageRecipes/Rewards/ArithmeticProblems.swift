import Swage

/// Sums, differences and products drawn by a seed, with their answers.
public struct ArithmeticProblems: ProblemSource {
    /// How hard they are: 1 for one-digit numbers added and subtracted, 2 for two digits with one, 3 for two digits with
    /// two, 4 for products too, and from 5 on sums of several two-digit numbers.
    public let difficulty: Int
    private let seed: UInt64
    private let part: Part

    /// A problem belongs to one part, whatever the seed.
    public enum Part: Sendable {
        /// Four problems of five.
        case training
        /// One problem of five.
        case heldOut
    }

    /// - Throws: ``Swage/TrainerError`` with code `invalidOption` for a difficulty that there is not.
    public init(difficulty: Int = 2, seed: UInt64 = 0, part: Part = .training) throws {
        guard (1...8).contains(difficulty) else {
            throw TrainerError(.invalidOption, "the difficulty is \(difficulty)", expected: "1 to 8")
        }
        (self.difficulty, self.seed, self.part) = (difficulty, seed, part)
    }

    public func problem(_ number: Int) -> Problem {
        var generator = SeededGenerator(seed: seed, stream: UInt64(number) + 1)
        var (question, answer) = draw(&generator)
        while Self.part(of: question) != part { (question, answer) = draw(&generator) }
        return Problem(
            messages: [ChatMessage(role: "user", content: "What is \(question)? Answer with the number only.")],
            answer: "\(answer)", fields: ["difficulty": "\(difficulty)"])
    }

    public func content() -> RunIdentity.Content { .init(digest: "arithmetic \(difficulty), seed \(seed), \(part)") }

    private static func part(of question: String) -> Part {
        var hash = question.utf8.reduce(UInt64(0)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        hash ^= hash >> 32
        return hash % 5 == 0 ? .heldOut : .training
    }

    private func draw(_ generator: inout SeededGenerator) -> (question: String, answer: Int) {
        let oneDigit = 1...9
        let twoDigits = 10...99
        if difficulty >= 5 {
            let terms = (0..<difficulty - 2).map { _ in Int.random(in: twoDigits, using: &generator) }
            return (terms.map { "\($0)" }.joined(separator: " + "), terms.reduce(0, +))
        }
        let multiplies = difficulty == 4 && Bool.random(using: &generator)
        let first = Int.random(in: multiplies || difficulty == 1 ? oneDigit : twoDigits, using: &generator)
        let second = Int.random(in: multiplies || difficulty <= 2 ? oneDigit : twoDigits, using: &generator)
        if multiplies { return ("\(first) * \(second)", first * second) }
        let (larger, smaller) = (max(first, second), min(first, second))
        return Bool.random(using: &generator) ? ("\(first) + \(second)", first + second) : ("\(larger) - \(smaller)", larger - smaller)
    }
}
