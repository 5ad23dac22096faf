/// A small, fast random number generator with a seed: SplitMix64 (Steele, Lea and Flood, 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// - Parameters:
    ///   - seed: any number. The same seed and stream give the same sequence.
    ///   - stream: one of many independent sequences of the same seed.
    public init(seed: UInt64, stream: UInt64 = 0) {
        state = seed
        guard stream != 0 else { return }
        state = next() ^ (stream &* 0xD1B5_4A32_D192_ED03)
        state = next()
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
