import Foundation
import SwageFiles

/// The cosines and sines of rotary position embeddings (Su et al., 2021), `[positions, headSize / 2]` each.
final class RotaryTable {
    private let inverseFrequencies: [Double]
    private(set) var cosines = FloatBuffer(count: 0)
    private(set) var sines = FloatBuffer(count: 0)
    private var positionCount = 0

    init(_ model: ModelConfiguration) {
        inverseFrequencies = model.ropeScaling.inverseFrequencies(headSize: model.headSize, theta: model.ropeTheta)
    }

    /// Makes sure that positions `0..<count` are there.
    func reserve(_ count: Int) {
        guard count > positionCount else { return }
        positionCount = max(count, 2 * positionCount)
        let half = inverseFrequencies.count
        cosines = FloatBuffer(count: positionCount * half)
        sines = FloatBuffer(count: positionCount * half)
        for position in 0..<positionCount {
            for (pair, frequency) in inverseFrequencies.enumerated() {
                let angle = Double(position) * frequency
                cosines.start[position * half + pair] = Float(cos(angle))
                sines.start[position * half + pair] = Float(sin(angle))
            }
        }
    }
}
