import Foundation
import SwageFiles

/// Which experts compute which tokens, and what their outputs are multiplied by.
///
/// A slot is a token at an expert; the slots of an expert stand together, in the order of the tokens.
struct ExpertChoice {
    /// The slots of each expert.
    private(set) var ranges: [Range<Int>] = []
    /// Each slot's token.
    private(set) var tokens: [Int] = []
    /// What each slot's output is multiplied by.
    private(set) var weights: [Float] = []
    /// Each token's slots, in the order of the experts' weights, `[N, k]`.
    private(set) var slots: [Int] = []
    private let expertOfSlot: [Int]
    private let probabilities: [Float]
    private let chosen: [Int]
    private let experts: Experts

    /// - Parameter logits: the router's, `[rows, experts]`.
    init(_ logits: UnsafePointer<Float>, rows: Int, _ experts: Experts) {
        let (count, perToken) = (experts.count, experts.perToken)
        var (probabilities, chosen) = ([Float](), [Int]())
        probabilities.reserveCapacity(rows * count)
        chosen.reserveCapacity(rows * perToken)
        for row in 0..<rows {
            let own = UnsafeBufferPointer(start: logits + row * count, count: count)
            let top = own.max() ?? 0
            let exponentials = own.map { Self.exponential($0 - top) }
            let sum = exponentials.reduce(0, +)
            probabilities += exponentials.map { $0 / sum }
            // Of equal ones the first counts.
            chosen += own.indices.sorted { (own[$0], $1) > (own[$1], $0) }.prefix(perToken)
        }
        var places = [Int](repeating: 0, count: count + 1)
        for expert in chosen { places[expert + 1] += 1 }
        for expert in 0..<count { places[expert + 1] += places[expert] }
        ranges = (0..<count).map { places[$0]..<places[$0 + 1] }
        expertOfSlot = ranges.enumerated().flatMap { expert, slots in Array(repeating: expert, count: slots.count) }
        tokens = Array(repeating: 0, count: chosen.count)
        weights = Array(repeating: 0, count: chosen.count)
        slots = chosen.enumerated().map { index, expert in
            defer { places[expert] += 1 }
            return places[expert]
        }
        (self.probabilities, self.chosen, self.experts) = (probabilities, chosen, experts)
        for row in 0..<rows {
            let own = row * perToken..<(row + 1) * perToken
            let sum = experts.normalizes ? own.reduce(0) { $0 + probabilities[row * count + chosen[$1]] } : 1
            for index in own {
                tokens[slots[index]] = row
                weights[slots[index]] = probabilities[row * count + chosen[index]] / sum
            }
        }
    }

    /// The expert of a slot.
    func expert(of slot: Int) -> Int { expertOfSlot[slot] }

    private static func exponential(_ x: Float) -> Float { Float(exp(Double(x))) }

    /// The gradient of the router's logits, `[rows, experts]`, from that of each slot's weight.
    func backward(_ dweights: [Float], into dlogits: UnsafeMutablePointer<Float>) {
        let (count, perToken) = (experts.count, experts.perToken)
        for row in 0..<slots.count / perToken {
            let own = row * perToken..<(row + 1) * perToken
            let mean = own.reduce(0) { $0 + weights[slots[$1]] * dweights[slots[$1]] }
            for expert in 0..<count {
                dlogits[row * count + expert] = experts.normalizes ? 0 : -probabilities[row * count + expert] * mean
            }
            for index in own {
                let slot = slots[index]
                dlogits[row * count + chosen[index]] += weights[slot] * (dweights[slot] - (experts.normalizes ? mean : 0))
            }
        }
    }
}
