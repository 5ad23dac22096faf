import Foundation
import Swage

extension Conformance {
    /// How often tokens are drawn, and of which, beside what the logits of `forward` say.
    func checkDistribution(_ sampler: any Sampler, _ trainer: any Trainer, _ prompts: [[Int32]]) async throws {
        guard try await trainer.config().capabilities.outputs.contains(.logits) else { return }
        let prompt = [prompts[0][0]]
        let logits = try await trainer.forward(ForwardInputs(inputIDs: try Tensor(prompt, shape: [1, 1]), outputs: [.logits])).logits?.scalars ?? []
        guard logits.count >= 16, logits.allSatisfy(\.isFinite) else { return }
        let distribution = TokenDistribution(logits)
        func draw(_ count: Int, _ options: SamplingOptions) async throws -> [Int32] {
            var options = options
            (options.maxTokens, options.seed) = (1, 5)
            let drawn = try await sampler.generate(Array(repeating: prompt, count: count), options: options)
            // Whatever tokens were drawn from.
            try expectClose(
                drawn.map { $0.logProbs[0] }, drawn.map { distribution.logProb(of: $0.tokens[0]) },
                "log-probabilities of tokens drawn at temperature \(options.temperature), topK \(options.topK.map { "\($0)" } ?? "nil"), topP \(options.topP), "
                    + "beside those at temperature 1 of all tokens")
            return drawn.map { $0.tokens[0] }
        }
        let likeliest = try await draw(1, .greedy())[0]
        let (highest, chosen) = (logits.max() ?? .nan, logits[Int(likeliest)])
        try expect(highest - chosen <= 1e-3 * abs(highest), "at temperature 0 a token of logit \(chosen), and the highest is \(highest)")

        let temperature = try await checkTemperature(distribution, draw)
        let sums = distribution.sums(at: temperature).prefix(3)
        var options = SamplingOptions(temperature: temperature, topK: 3, topP: (sums[2] + 1) / 2)
        try checkAmong(3, try await draw(48, options), distribution, options)
        (options.topK, options.topP) = (12, (sums[0] + sums[1]) / 2)
        try checkAmong(2, try await draw(48, options), distribution, options)
        // Of the whole it takes three to reach this, and of the first three alone two would do.
        let share = 1 - sums[1] / sums[2]
        guard share > 0.15 else { return }
        (options.topK, options.topP) = (3, sums[1] * (1 + share / 2))
        let drawn = Set(try await draw(128, options))
        try expect(
            drawn.count >= 3,
            "of temperature \(temperature), topK 3 and topP \(options.topP) 128 streams draw \(drawn.sorted()) alone, and it takes three tokens to reach that of the whole"
        )
    }

    /// Draws at a temperature at which half of the tokens drawn are other ones than at 1, and returns it.
    private func checkTemperature(
        _ distribution: TokenDistribution, _ draw: (Int, SamplingOptions) async throws -> [Int32]
    ) async throws -> Double {
        let candidates = [0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 1.5, 2, 3, 5, 10, 30].map { ($0, distribution.half(at: $0)) }
        let (temperature, half) = candidates.max { $0.1.contrast < $1.1.contrast }!
        let count = 128
        let drawn = try await draw(count, SamplingOptions(temperature: temperature))
        let share = Double(drawn.count { half.tokens.contains($0) }) / Double(count)
        // Six times what it is off by as a rule.
        let bound = 6 * (half.share * (1 - half.share) / Double(count)).squareRoot()
        try expect(
            abs(share - half.share) <= bound,
            "of \(count) tokens drawn at temperature \(temperature) a share of \(share) is among the \(half.tokens.count) likeliest, which have the probability "
                + "\(half.share) there")
        return temperature
    }

    private func checkAmong(_ count: Int, _ drawn: [Int32], _ distribution: TokenDistribution, _ options: SamplingOptions) throws {
        let odd = drawn.first { !distribution.isAmong(count, $0) }
        try expect(
            odd == nil,
            "of temperature \(options.temperature), topK \(options.topK ?? 0) and topP \(options.topP) the token \(odd ?? 0) was drawn, which is not among the "
                + "\(count) likeliest")
    }
}

/// What the logits of one position say of the next token.
private struct TokenDistribution {
    private let logits: [Double]
    /// The ids, the likeliest first.
    private let order: [Int]
    private let total: Double

    init(_ logits: [Float]) {
        let numbers = logits.map(Double.init)
        self.logits = numbers
        order = numbers.indices.sorted { numbers[$0] > numbers[$1] }
        let highest = numbers[order[0]]
        total = highest + log(numbers.reduce(0) { $0 + exp($1 - highest) })
    }

    func logProb(of token: Int32) -> Float { logits.indices.contains(Int(token)) ? Float(logits[Int(token)] - total) : .nan }

    /// Whether a token is among the likeliest, up to rounding.
    func isAmong(_ count: Int, _ token: Int32) -> Bool {
        let least = logits[order[count - 1]]
        return logits.indices.contains(Int(token)) && logits[Int(token)] >= least - 1e-4 * max(1, abs(least))
    }

    /// The probability of the likeliest, of the two likeliest, and so on.
    func sums(at temperature: Double) -> [Double] {
        let highest = logits[order[0]]
        let weights = order.map { exp((logits[$0] - highest) / temperature) }
        let all = weights.reduce(0, +)
        var sum = 0.0
        return weights.map {
            sum += $0
            return sum / all
        }
    }

    /// The likeliest tokens that have about half of the probability, and by how much less or more they have at temperature 1, and at
    /// the square of this one.
    func half(at temperature: Double) -> (tokens: Set<Int32>, share: Double, contrast: Double) {
        let sums = sums(at: temperature)
        let count = 1 + (sums.firstIndex { $0 >= 0.5 } ?? 0)
        let share = sums[count - 1]
        let others = [1, temperature * temperature].map { abs(self.sums(at: $0)[count - 1] - share) }
        return (Set(order.prefix(count).map { Int32($0) }), share, share < 0.8 ? others.min()! : 0)
    }
}
