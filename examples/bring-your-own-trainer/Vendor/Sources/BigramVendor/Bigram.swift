import Foundation

/// Somebody else's library, which knows nothing of Swage: a table of logits, one row a token, trained by gradient descent.
public actor Bigram {
    /// All that it has learned, and what it has seen since the last update.
    public struct State: Codable, Sendable {
        public var table: [Double]
        public var gradient: [Float]
        public var updates = 0
        public var passes = 0
        public var examples = 0.0
    }

    public let vocabulary: Int
    public let rate: Double
    /// Where it keeps its files.
    public let directory: String
    public var state: State

    public init(vocabulary: Int, rate: Double, directory: String) {
        (self.vocabulary, self.rate, self.directory) = (vocabulary, rate, directory)
        let table = (0..<vocabulary * vocabulary).map { Double($0 * 7919 % 101) / 101 }
        state = State(table: table, gradient: Array(repeating: 0, count: table.count))
    }

    /// The log-probability of each next token.
    public func logProbs(after token: Int) -> [Double] {
        let row = state.table[token * vocabulary..<(token + 1) * vocabulary]
        let sum = log(row.reduce(0) { $0 + exp($1) })
        return row.map { $0 - sum }
    }

    /// Adds one pass over examples to the gradient.
    /// - Returns: minus the log-probability of each `next`, weighted, in all.
    public func learn(_ examples: [(token: Int, next: Int, weight: Double)]) -> Double {
        var sum = 0.0
        for (token, next, weight) in examples {
            let logProbs = logProbs(after: token)
            sum -= weight * logProbs[next]
            for (other, logProb) in logProbs.enumerated() {
                state.gradient[token * vocabulary + other] += Float(weight * (exp(logProb) - (other == next ? 1 : 0)))
            }
        }
        state.passes += 1
        state.examples += Double(examples.count)
        return sum
    }

    /// The norm of the mean gradient.
    public var norm: Double { Double(state.gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()) / state.examples }

    /// Goes down the mean gradient.
    public func update() {
        for index in state.table.indices { state.table[index] -= rate * Double(state.gradient[index]) / state.examples }
        state.updates += 1
        forget()
    }

    public func forget() {
        state.gradient = Array(repeating: 0, count: state.table.count)
        (state.passes, state.examples) = (0, 0)
    }

    public func restore(_ state: State) { self.state = state }
}
