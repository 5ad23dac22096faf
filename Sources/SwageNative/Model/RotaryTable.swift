import Foundation
import Swage
import SwageFiles

/// The cosines and sines of rotary position embeddings (Su et al., 2021), `[positions, headSize / 2]` each.
final class RotaryTable {
    private let inverseFrequencies: [Double]
    private(set) var cosines = FloatBuffer()
    private(set) var sines = FloatBuffer()
    private var positionCount = 0

    init(_ model: ModelConfiguration) {
        inverseFrequencies = model.ropeScaling.inverseFrequencies(headSize: model.headSize, theta: model.ropeTheta)
    }

    /// Makes sure that positions `0..<count` are there.
    /// - Throws: ``TrainerError`` with code `tooLarge` if there is no memory for them.
    func reserve(_ count: Int) throws {
        guard count > positionCount else { return }
        let half = inverseFrequencies.count
        let wanted = max(count, 2 * positionCount)
        try MemoryBudget.require([2, wanted, half], of: Float.self, for: "the positions of \(count) tokens")
        positionCount = 0
        try cosines.reserve(wanted * half, for: "positions")
        try sines.reserve(wanted * half, for: "positions")
        positionCount = wanted
        for position in 0..<positionCount {
            for (pair, frequency) in inverseFrequencies.enumerated() {
                let angle = Double(position) * frequency
                cosines.start[position * half + pair] = Float(cos(angle))
                sines.start[position * half + pair] = Float(sin(angle))
            }
        }
    }
}
