import Foundation

extension ModelConfiguration.RopeScaling {
    /// The angle by which each pair of a head's elements turns from one position to the next, `[headSize / 2]`.
    package func inverseFrequencies(headSize: Int, theta: Double) -> [Double] {
        (0..<headSize / 2).map { pair in
            let plain = pow(theta, -Double(2 * pair) / Double(headSize))
            switch self {
            case .none: return plain
            case .linear(let factor): return plain / factor
            case .llama3(let factor, let low, let high, let context):
                let turns = Double(context) * plain / (2 * .pi)
                if turns < low { return plain / factor }
                if turns > high { return plain }
                let smooth = (turns - low) / (high - low)
                return (1 - smooth) * plain / factor + smooth * plain
            }
        }
    }
}
