import Foundation
import Swage
import SwageFiles

/// The cosines and sines of rotary position embeddings (Su et al., 2021), `[places, width / 2]` each: of every position, or
/// where frequencies depend on the length of a sequence, of every token of a pass.
final class RotaryTable {
    /// How many of a head's elements turn, and which of them together.
    let width: Int
    let pairs: Rotary.Pairs
    /// Whether frequencies depend on the length of a sequence.
    let dependsOnLength: Bool
    private let rotary: Rotary
    private var frequencies: [Double] = []
    private(set) var cosines = FloatBuffer()
    private(set) var sines = FloatBuffer()
    /// Where each token of a pass stands in the table.
    private(set) var places: [Int32] = []
    private var positionCount = 0

    init(_ rotary: Rotary) {
        self.rotary = rotary
        (width, pairs, dependsOnLength) = (rotary.width, rotary.pairs, rotary.scaling.dependsOnLength)
    }

    /// Makes ready for a pass.
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for its positions.
    func prepare(_ tokens: FlatBatch) throws {
        if dependsOnLength { return try fill(tokens) }
        places = tokens.positions
        let count = Int(tokens.positions.max() ?? 0) + 1
        guard count > positionCount else { return }
        let wanted = max(count, 2 * positionCount)
        positionCount = 0
        try reserve(wanted, "the positions of \(count) tokens")
        positionCount = wanted
        frequencies = rotary.inverseFrequencies(length: 0)
        for position in 0..<positionCount { fill(position, position: position) }
    }

    private func fill(_ tokens: FlatBatch) throws {
        try reserve(tokens.count, "the positions of \(tokens.count) tokens")
        places = (0..<Int32(tokens.count)).map { $0 }
        var length = -1
        for (token, own) in tokens.lengths.enumerated() {
            if own != length {
                length = own
                frequencies = rotary.inverseFrequencies(length: length)
            }
            fill(token, position: Int(tokens.positions[token]))
        }
    }

    private func reserve(_ wanted: Int, _ purpose: String) throws {
        let half = width / 2
        try MemoryBudget.require([2, wanted, half], of: Float.self, for: purpose)
        try cosines.reserve(wanted * half, for: "positions")
        try sines.reserve(wanted * half, for: "positions")
    }

    private func fill(_ place: Int, position: Int) {
        let (half, factor) = (frequencies.count, rotary.scaling.attentionFactor)
        for (pair, frequency) in frequencies.enumerated() {
            let angle = Double(position) * frequency
            cosines.start[place * half + pair] = Float(cos(angle) * factor)
            sines.start[place * half + pair] = Float(sin(angle) * factor)
        }
    }
}
