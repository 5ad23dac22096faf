import Foundation

/// How queries and keys turn with their position (Su et al., 2021).
package struct Rotary: Sendable, Equatable {
    /// Which two elements of a head turn together.
    package enum Pairs: Sendable, Equatable {
        /// Those half the width apart.
        case halves
        /// Neighbors.
        case neighbors
    }

    /// The base of the frequencies.
    package var theta: Double
    package var scaling: RopeScaling
    /// How many of a head's elements turn, the first ones.
    package var width: Int
    package var pairs = Pairs.halves

    /// The angle by which each pair turns from one position to the next, `[width / 2]`.
    /// - Parameter length: how many positions a pass has; some scalings depend on it.
    package func inverseFrequencies(length: Int) -> [Double] {
        scaling.inverseFrequencies(width: width, theta: theta, length: length)
    }
}
