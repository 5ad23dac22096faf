import ArgumentParser
import Swage

/// The losses that learn from advantages.
enum PolicyLoss: String, CaseIterable, ExpressibleByArgument {
    case grpo, gspo, ppo, cispo, dro, reinforce
    case importanceSampling = "importance-sampling"

    /// What losses can be told.
    struct Options {
        var clipLow = 0.2
        var clipHigh = 0.2
        var normalization = LossFunction.TokenNormalization.tokenMean
        var klCoefficient = 0.0
    }

    /// The loss as it is told.
    func function(_ options: Options) -> LossFunction {
        let clip = 1 - options.clipLow...1 + options.clipHigh
        return switch self {
        case .grpo: .grpo(clip: clip, normalization: options.normalization, klCoefficient: options.klCoefficient)
        case .gspo: .gspo(clip: clip)
        case .ppo: .ppo(clip: clip)
        case .cispo: .cispo(clip: 0...1 + options.clipHigh)
        case .dro: .dro()
        case .importanceSampling: .importanceSampling
        case .reinforce: .reinforce
        }
    }
}

extension PolicyLoss {
    enum Option: String, CaseIterable {
        case clipLow = "clip-low"
        case clipHigh = "clip-high"
        case normalization
        case klCoefficient = "kl-coefficient"

        fileprivate var changed: Options {
            switch self {
            case .clipLow: Options(clipLow: 0.3)
            case .clipHigh: Options(clipHigh: 0.3)
            case .normalization: Options(normalization: .sequenceMean)
            case .klCoefficient: Options(klCoefficient: 0.1)
            }
        }
    }

    /// Whether the loss is another when the option is: that is for the loss itself to say.
    func reads(_ option: Option) -> Bool { function(option.changed).program != function(Options()).program }

    /// The losses that read an option, in words.
    static func reading(_ option: Option) -> String {
        let names = allCases.filter { $0.reads(option) }.map(\.rawValue)
        return names.count == 1 ? names[0] : names.dropLast().joined(separator: ", ") + " or " + names.last!
    }
}
