import CSwageKernels
import Foundation
import Swage

/// The token that is drawn from one position's logits, and the model's log-probability of it.
struct TokenChoice {
    let token: Int32
    /// At temperature 1 and over the whole vocabulary.
    let logProb: Float

    /// - Parameter allowed: the tokens that may be drawn, all within the vocabulary; nil means all.
    /// - Throws: ``TrainerError`` with code `nonFinite` if the logits are NaN.
    init(
        _ logits: UnsafeBufferPointer<Float>, among allowed: [Int32]? = nil, options: SamplingOptions,
        using generator: inout some RandomNumberGenerator
    ) throws {
        var logSumExp: Float = 0
        swage_log_sum_exp(logits.baseAddress!, &logSumExp, 1, logits.count)
        guard logSumExp.isFinite else {
            throw TrainerError(.nonFinite, "the model's logits sum to \(logSumExp)", expected: "finite logits")
        }
        let index =
            if let allowed {
                Self.masked(logits, to: allowed).withUnsafeBufferPointer { Self.choose($0, options, using: &generator) }
            } else {
                Self.choose(logits, options, using: &generator)
            }
        token = Int32(index)
        logProb = logits[index] - logSumExp
    }

    private static func masked(_ logits: UnsafeBufferPointer<Float>, to allowed: [Int32]) -> [Float] {
        var masked = [Float](repeating: -.infinity, count: logits.count)
        for token in allowed { masked[Int(token)] = logits[Int(token)] }
        return masked
    }

    private static func choose(
        _ logits: UnsafeBufferPointer<Float>, _ options: SamplingOptions,
        using generator: inout some RandomNumberGenerator
    ) -> Int {
        // Where the inverse is too large for a number, only the likeliest token is left.
        let isGreedy = options.temperature == 0 || !Float(1 / options.temperature).isFinite
        return isGreedy ? swage_largest(logits.baseAddress!, logits.count) : draw(logits, options, using: &generator)
    }

    /// Draws by a race, in which every token has a time of its own: unlike a sum over the vocabulary, it comes out the same
    /// where the logits were rounded otherwise, as they are in another batch.
    private static func draw(
        _ logits: UnsafeBufferPointer<Float>, _ options: SamplingOptions,
        using generator: inout some RandomNumberGenerator
    ) -> Int {
        var weights = [Float](unsafeUninitializedCapacity: logits.count) { weights, count in
            swage_exponentials(logits.baseAddress!, weights.baseAddress!, logits.count, Float(1 / options.temperature))
            count = logits.count
        }
        if options.topK != nil || options.topP < 1 {
            let kept = likeliest(weights, total: sum(of: weights), options).map { ($0, weights[$0]) }
            weights = [Float](repeating: 0, count: weights.count)
            for (index, weight) in kept { weights[index] = weight }
        }
        swage_race(&weights, weights.count, generator.next())
        return swage_largest(weights, weights.count)
    }

    private static func sum(of weights: [Float]) -> Double { weights.reduce(0) { $0 + Double($1) } }

    /// The tokens that top-k and top-p leave, the likeliest first.
    private static func likeliest(_ weights: [Float], total: Double, _ options: SamplingOptions) -> ArraySlice<Int> {
        // Few tokens carry nearly all of the weight. The others are sorted only if those few are not enough.
        let order = { (indices: [Int]) in
            indices.sorted { (weights[$0], $1) > (weights[$1], $0) }
        }
        let few = order(weights.indices.filter { weights[$0] > 1e-6 })
        let limit = options.topK ?? weights.count
        if let count = prefixCount(few, weights, reaching: options.topP * total, limit: limit) {
            return few.prefix(count)
        }
        let all = order(Array(weights.indices))
        let count = prefixCount(all, weights, reaching: options.topP * total, limit: limit)
        return all.prefix(count ?? min(limit, all.count))
    }

    /// How many of `sorted` are left by the limit and by the weight that they reach; nil if they reach neither.
    private static func prefixCount(
        _ sorted: [Int], _ weights: [Float], reaching wanted: Double, limit: Int
    ) -> Int? {
        var sum = 0.0
        for (count, index) in sorted.enumerated() {
            sum += Double(weights[index])
            if sum >= wanted || count + 1 == limit { return count + 1 }
        }
        return nil
    }
}
