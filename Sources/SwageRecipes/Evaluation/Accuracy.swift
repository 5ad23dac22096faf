import Foundation

/// How many problems a model answers rightly, with what that is worth as an estimate.
public struct Accuracy: Sendable, Equatable, Codable {
    /// How many problems were asked.
    public var problems: Int
    /// How many answers there were to each.
    public var samples: Int
    /// The right answers to each problem.
    public var right: [Int]

    /// Takes the numbers as they are: that `right` has one for each problem, 0 to `samples`, is not checked here.
    public init(problems: Int, samples: Int, right: [Int]) {
        (self.problems, self.samples, self.right) = (problems, samples, right)
    }

    /// The share of right answers.
    public var value: Double { Double(right.reduce(0, +)) / Double(max(problems * samples, 1)) }

    /// Where the accuracy lies with 95 % confidence, were other problems of the kind asked: Wilson's interval (1927) for one
    /// answer to each problem, or where all problems come out alike, and otherwise the normal one over problems, because
    /// answers to one problem are alike.
    public var interval: ClosedRange<Double> {
        let z = 1.959964
        let n = Double(max(problems, 1))
        let deviation = Advantages.deviation(right.map { Double($0) / Double(samples) })
        guard samples == 1 || deviation == 0 else {
            let half = z * deviation / n.squareRoot()
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

extension Accuracy: Recorded {
    var fault: String? {
        Int.fault("\"problems\"", problems, least: 1) ?? Int.fault("\"samples\"", samples, least: 1)
            ?? (right.count == problems ? nil : "\"right\" has \(right.count) numbers for \(problems) problems")
            ?? right.first { !(0...samples).contains($0) }.map { "\"right\" has \($0) of \(samples) answers" }
    }
}
