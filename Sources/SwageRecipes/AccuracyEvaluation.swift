import Foundation
import Swage

/// How many problems a model answers rightly, with what that is worth as an estimate.
public struct Accuracy: Sendable, Equatable, Codable {
    /// How many problems were asked.
    public var problems: Int
    /// How many answers there were to each.
    public var samples: Int
    /// The right answers to each problem.
    public var right: [Int]

    public init(problems: Int, samples: Int, right: [Int]) {
        (self.problems, self.samples, self.right) = (problems, samples, right)
    }

    /// The share of right answers.
    public var value: Double { Double(right.reduce(0, +)) / Double(max(problems * samples, 1)) }

    /// Where the accuracy lies with 95 % confidence, were other problems of the kind asked: Wilson's interval (1927) for one
    /// answer to each problem, and otherwise the normal one over problems, because answers to one problem are alike.
    public var interval: ClosedRange<Double> {
        let z = 1.959964
        let n = Double(max(problems, 1))
        guard samples == 1 else {
            let rates = right.map { Double($0) / Double(samples) }
            let half = z * Advantages.deviation(rates) / n.squareRoot()
            return max(0, value - half)...min(1, value + half)
        }
        let center = (value + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (value * (1 - value) / n + z * z / (4 * n * n)).squareRoot()
        return max(0, center - half)...min(1, center + half)
    }

    /// The probability that one of k answers is right, estimated without bias (Chen et al., 2021).
    /// - Precondition: k is 1 to `samples`.
    public func pass(at k: Int) -> Double {
        precondition((1...samples).contains(k), "pass@\(k) of \(samples) samples")
        let chances = right.map { right -> Double in
            let wrong = samples - right
            guard wrong >= k else { return 1 }
            let noneRight = (0..<right).reduce(1.0) { product, index in
                product * (1 - Double(k) / Double(wrong + 1 + index))
            }
            return 1 - noneRight
        }
        return chances.reduce(0, +) / Double(max(problems, 1))
    }
}

/// Asks a model problems, and counts the right answers.
public struct AccuracyEvaluation: Sendable {
    private let rollouts: Rollouts
    private let problems: any ProblemSource
    private let count: Int
    private let verifier: Reward

    /// - Parameters:
    ///   - count: how many problems of the source are asked, from the first on.
    ///   - verifier: says that an answer is right by a score of 1 or more.
    ///   - samples: how many answers to each problem. One is the likeliest; several are drawn.
    ///   - options: how answers are drawn, how long they may be, and what to do where the verifier fails: an answer that is
    ///     dropped is not right.
    /// - Throws: ``Swage/TrainerError`` with code `invalidOption`.
    public init(
        _ sampler: any Sampler, tokenizer: any Tokenizer, problems: any ProblemSource, count: Int, verifier: Reward,
        environment: (@Sendable (Problem) -> any Environment)? = nil, samples: Int = 1, options: Rollouts.Options
    ) throws {
        guard count > 0 else { throw TrainerError(.invalidOption, "\(count) problems are to be asked", expected: "1 or more") }
        var options = options
        options.groupSize = samples
        if samples == 1 { options.sampling.temperature = 0 }
        rollouts = try Rollouts(
            sampler, tokenizer: tokenizer, rewards: [verifier], environment: environment, options: options)
        (self.problems, self.count, self.verifier) = (problems, count, verifier)
    }

    /// - Parameter progress: called with how much is done, from 0 to 1.
    public func run(progress: (@Sendable (Double) -> Void)? = nil) async throws -> Accuracy {
        var right: [Int] = []
        let samples = rollouts.options.groupSize
        let part = max(1, 2 * rollouts.options.sampling.concurrency / samples)
        for begin in stride(from: 0, to: count, by: part) {
            let (rollout, _) = try await rollouts.collect(begin..<min(begin + part, count), of: problems)
            right += rollout.groups.map { $0.count { $0.scores[verifier.name, default: 0] >= 1 } }
            progress?(Double(right.count) / Double(count))
        }
        return Accuracy(problems: count, samples: samples, right: right)
    }
}
