/// Token ids, which of them a model should learn to produce, and whose words they are.
public struct TargetedTokens: Sendable, Equatable {
    /// All ids in the order of the text: those that a model only reads, such as a prompt's, and those that it should learn to write.
    public var ids: [Int32]
    /// For each id, whether a model learns to write it. The token that ends a turn is among them.
    public var isTarget: [Bool]
    /// For each id, the number of the message in whose words it begins; -1 for what a chat format puts around them.
    public var owners: [Int32]
    /// What a person may not expect of how the text was written, such as that a chat format leaves out thoughts.
    public var notes: [String] = []

    /// - Parameter owners: as many as ids; nil where no id is anybody's.
    /// - Precondition: there are as many flags as ids.
    public init(ids: [Int32], isTarget: [Bool], owners: [Int32]? = nil) {
        precondition(ids.count == isTarget.count, "\(ids.count) ids with \(isTarget.count) target flags")
        precondition(owners == nil || owners?.count == ids.count, "\(ids.count) ids with \(owners?.count ?? 0) owners")
        self.ids = ids
        self.isTarget = isTarget
        self.owners = owners ?? [Int32](repeating: -1, count: ids.count)
    }
}
