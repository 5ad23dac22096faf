import ArgumentParser
import Swage

/// The losses that learn from advantages.
enum PolicyLoss: String, CaseIterable, ExpressibleByArgument {
    case grpo, gspo, ppo, cispo, dro, reinforce
    case importanceSampling = "importance-sampling"

    /// What a loss can be told.
    enum Option: String, CaseIterable {
        case clipLow = "clip-low"
        case clipHigh = "clip-high"
        case normalization
        case klCoefficient = "kl-coefficient"
    }

    /// What it is told; the others have no effect on it.
    var reads: Set<Option> {
        switch self {
        case .grpo: [.clipLow, .clipHigh, .normalization, .klCoefficient]
        case .gspo, .ppo: [.clipLow, .clipHigh]
        case .cispo: [.clipHigh]
        case .dro, .reinforce, .importanceSampling: []
        }
    }

    /// The losses that read an option, in words.
    static func reading(_ option: Option) -> String {
        let names = allCases.filter { $0.reads.contains(option) }.map(\.rawValue)
        return names.count == 1 ? names[0] : names.dropLast().joined(separator: ", ") + " or " + names.last!
    }
}
