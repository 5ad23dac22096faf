import Foundation

/// How rotary frequencies are stretched for long contexts.
package enum RopeScaling: Sendable, Equatable {
    case none
    /// Every frequency divided by the factor (Chen et al., 2023).
    case linear(factor: Double)
    /// The base grows with what a pass has beyond the context ("dynamic NTK").
    case dynamic(factor: Double, context: Int)
    /// Low frequencies divided by the factor, high ones kept, a ramp between (Llama 3.1).
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int)
    /// The same with a ramp over the pairs between two counts of turns, and larger queries and keys (Peng et al., 2023, YaRN).
    case yarn(factor: Double, betaFast: Double, betaSlow: Double, truncates: Bool, originalContext: Int, attentionFactor: Double)
    /// A divisor for each frequency: one list up to the original context, another beyond (Ding et al., 2024, LongRoPE).
    case longrope(short: [Double], long: [Double], originalContext: Int, attentionFactor: Double)

    /// Whether frequencies depend on how many positions a pass has.
    package var dependsOnLength: Bool {
        switch self {
        case .dynamic, .longrope: true
        default: false
        }
    }

    /// What the cosines and sines are multiplied by.
    package var attentionFactor: Double {
        switch self {
        case .yarn(_, _, _, _, _, let factor), .longrope(_, _, _, let factor): factor
        default: 1
        }
    }

    func inverseFrequencies(width: Int, theta: Double, length: Int) -> [Double] {
        (0..<width / 2).map { pair in
            let plain = pow(theta, -Double(2 * pair) / Double(width))
            switch self {
            case .none: return plain
            case .linear(let factor): return plain / factor
            case .dynamic(let factor, let context):
                let stretch = factor * Double(max(length, context)) / Double(context) - (factor - 1)
                let base = theta * pow(stretch, Double(width) / Double(width - 2))
                return pow(base, -Double(2 * pair) / Double(width))
            case .llama3(let factor, let low, let high, let context):
                let turns = Double(context) * plain / (2 * .pi)
                if turns < low { return plain / factor }
                if turns > high { return plain }
                let smooth = (turns - low) / (high - low)
                return (1 - smooth) * plain / factor + smooth * plain
            case .yarn(let factor, let fast, let slow, let truncates, let context, _):
                func pairs(turns: Double) -> Double {
                    Double(width) * log(Double(context) / (turns * 2 * .pi)) / (2 * log(theta))
                }
                let low = max(truncates ? pairs(turns: fast).rounded(.down) : pairs(turns: fast), 0)
                let high = min(truncates ? pairs(turns: slow).rounded(.up) : pairs(turns: slow), Double(width - 1))
                let ramp = min(max((Double(pair) - low) / (high == low ? 0.001 : high - low), 0), 1)
                return plain / factor * ramp + plain * (1 - ramp)
            case .longrope(let short, let long, let context, _):
                return plain / (length > context ? long : short)[pair]
            }
        }
    }
}
