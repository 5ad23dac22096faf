public import Swage

extension RunIdentity {
    /// With what a trainer says of itself: the shape of its model, and how its work is divided.
    ///
    /// A model's name is that of its folder, which may be moved.
    func adding(_ config: TrainerConfig) -> RunIdentity {
        var identity = self
        identity.add(config.servedContents)
        for (name, value) in config.modelConfiguration { identity.options["model.\(name)"] = value.text }
        identity.options.merge(Self.listing(config.parallelism)) { own, _ in own }
        return identity
    }
}

extension ConfigurationValue {
    fileprivate var text: String {
        switch self {
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .flag(let value): "\(value)"
        case .text(let value): value
        }
    }
}

extension TrainerConfig {
    /// What the digest of a served trainer's optimizer is called. No evaluation depends on it.
    package static let optimizerDigest = "optimizer"

    /// What a trainer in another process says of what it was made of.
    public var servedContents: [String: RunIdentity.Content] { Self.contents(digests) }

    /// That part of it on which an evaluation depends.
    public var measuredContents: [String: RunIdentity.Content] { Self.contents(digests.filter { $0.key != Self.optimizerDigest }) }

    private static func contents(_ digests: [String: String]) -> [String: RunIdentity.Content] {
        Dictionary(uniqueKeysWithValues: digests.map { ("the server's \($0)", RunIdentity.Content(path: nil, digest: $1)) })
    }
}

extension OptimizerOptions {
    /// Equal for equal options.
    package func digest() throws -> String { RunIdentity.Content(of: try RecordCoding.encode(self)).digest }
}
