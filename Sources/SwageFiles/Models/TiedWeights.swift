import Foundation
import Swage

/// Weights of a folder whose configuration ties the output head to the embedding, as transformers has them: a head that is
/// stored with other values counts, one that equals the embedding is the embedding, and one alone serves as both.
struct TiedWeights: WeightSource {
    private static let (embedding, head) = ("model.embed_tokens.weight", "lm_head.weight")

    private let stored: any WeightSource
    /// Whether the head stands for the embedding, which is not stored.
    private let hasHeadAlone: Bool
    /// Whether the stored head is the embedding over again.
    private let hasCopy: Bool

    init(_ stored: any WeightSource, _ configuration: inout ModelConfiguration) throws {
        self.stored = stored
        let (embedding, head) = (stored.shape(of: Self.embedding), stored.shape(of: Self.head))
        hasHeadAlone = configuration.tiesEmbeddings && embedding == nil && head != nil
        hasCopy = try configuration.tiesEmbeddings && embedding != nil && embedding == head && Self.areEqual(stored)
        if configuration.tiesEmbeddings, embedding != nil, head != nil, !hasCopy { configuration.tiesEmbeddings = false }
    }

    private static func areEqual(_ stored: any WeightSource) throws -> Bool {
        guard let shape = stored.shape(of: head) else { return false }
        let count = try MemoryBudget.require(shape, of: Float.self, copies: 2, for: "the embedding and the output head")
        let both = try [embedding, head].map { name in
            try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
                try stored.read(name, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
                filled = count
            }
        }
        return both[0] == both[1]
    }

    var tensorNames: Set<String> {
        if hasHeadAlone { return stored.tensorNames.subtracting([Self.head]).union([Self.embedding]) }
        return hasCopy ? stored.tensorNames.subtracting([Self.head]) : stored.tensorNames
    }

    var unreadable: [String: String] { stored.unreadable }

    func shape(of name: String) -> [Int]? { stored.shape(of: place(name)) }

    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        try stored.read(place(name), into: destination)
    }

    private func place(_ name: String) -> String { hasHeadAlone && name == Self.embedding ? Self.head : name }
}
