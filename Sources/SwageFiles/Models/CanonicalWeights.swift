import Swage

/// Weights of a folder under the names that transformers gives them once they are loaded: without what stands before them in a
/// model of text and images, and with what is missing in a file that was saved without its head.
struct CanonicalWeights: WeightSource {
    private let stored: any WeightSource
    /// The stored name of each that is called otherwise.
    private let places: [String: String]
    let tensorNames: Set<String>

    init(_ stored: any WeightSource, _ family: ModelFamily) {
        self.stored = stored
        // The model inside, as in "model" of "model.layers".
        let inner = family.layerPrefix.split(separator: ".").first.map(String.init) ?? "model"
        let names = stored.tensorNames
        let isWithoutInner = !names.contains { $0.hasPrefix(inner + ".") || $0.hasPrefix("language_model.") }
        let canonical = Dictionary(names.sorted().map { (Self.canonical($0, inner, isWithoutInner), $0) }) { first, _ in first }
        places = canonical.filter { $0.key != $0.value }
        tensorNames = Set(canonical.keys)
    }

    var unreadable: [String: String] { stored.unreadable }

    func shape(of name: String) -> [Int]? { tensorNames.contains(name) ? stored.shape(of: places[name] ?? name) : nil }

    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        try stored.read(places[name] ?? name, into: destination)
    }

    func areEqual(_ one: String, _ other: String) throws -> Bool { try stored.areEqual(places[one] ?? one, places[other] ?? other) }

    private static func canonical(_ name: String, _ inner: String, _ isWithoutInner: Bool) -> String {
        let outer = [
            ("language_model.\(inner).", "\(inner)."), ("\(inner).language_model.", "\(inner)."), ("language_model.lm_head.", "lm_head."),
        ]
        for (before, after) in outer where name.hasPrefix(before) { return after + name.dropFirst(before.count) }
        return isWithoutInner && !name.hasPrefix("lm_head.") ? "\(inner).\(name)" : name
    }
}
