import Foundation
import Swage

/// Weights of a folder whose configuration ties the output head to the embedding, as transformers has them: a head that is
/// stored with other values counts, one that equals the embedding is the embedding, and one alone serves as both.
struct TiedWeights: WeightSource {
    private let stored: any WeightSource
    private let embedding: String
    private let head: String
    /// Whether the head stands for the embedding, which is not stored.
    private let hasHeadAlone: Bool
    /// Whether the stored head is the embedding over again.
    private let hasCopy: Bool

    init(_ stored: any WeightSource, _ configuration: inout ModelConfiguration) throws {
        self.stored = stored
        let family = configuration.family
        let names = (embedding: family.tensorName(.embedding) ?? "", head: family.tensorName(.head) ?? "")
        (embedding, head) = names
        let shapes = (embedding: stored.shape(of: names.embedding), head: stored.shape(of: names.head))
        let isTied = configuration.tiesEmbeddings
        hasHeadAlone = isTied && shapes.embedding == nil && shapes.head != nil
        hasCopy = try isTied && shapes.embedding != nil && shapes.embedding == shapes.head && stored.areEqual(names.embedding, names.head)
        if isTied, shapes.embedding != nil, shapes.head != nil, !hasCopy { configuration.tiesEmbeddings = false }
    }

    var tensorNames: Set<String> {
        if hasHeadAlone { return stored.tensorNames.subtracting([head]).union([embedding]) }
        return hasCopy ? stored.tensorNames.subtracting([head]) : stored.tensorNames
    }

    var unreadable: [String: String] { stored.unreadable }

    func shape(of name: String) -> [Int]? { stored.shape(of: place(name)) }

    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        try stored.read(place(name), into: destination)
    }

    private func place(_ name: String) -> String { hasHeadAlone && name == embedding ? head : name }
}
