/// Extended grapheme clusters (UAX #29).
struct GraphemeClusters: Sendable {
    static let shared = GraphemeClusters()

    private enum Break: UInt8 {
        case other, carriageReturn, lineFeed, control, extend, joiner, regional, prepend, spacing, leading, vowel, trailing, leadingVowel,
            syllable
    }

    private let breaks: [UInt8]
    private let pictographic = ScalarBitmap(table: GraphemeTable.pictographic)
    private let consonants = ScalarBitmap(table: GraphemeTable.conjunctConsonants)
    private let linkers = ScalarBitmap(table: GraphemeTable.conjunctLinkers)
    private let extenders = ScalarBitmap(table: GraphemeTable.conjunctExtenders)

    private init() {
        var breaks = [UInt8](repeating: 0, count: 0x110000)
        for (range, value) in TableReader.values(GraphemeTable.breaks) {
            for scalar in range { breaks[Int(scalar)] = UInt8(value) }
        }
        self.breaks = breaks
    }

    /// The end of each cluster, in order.
    func ends(_ scalars: [UInt32]) -> [Int] {
        var ends: [Int] = []
        var regionals = 0
        // Whether a pictogram with marks stands before a joiner, and how far a conjunct of consonants has come.
        var hasPictogram = false
        var conjunct = 0
        for index in scalars.indices {
            let scalar = scalars[index]
            let kind = Break(rawValue: breaks[Int(scalar)]) ?? .other
            if index > 0 {
                let last = Break(rawValue: breaks[Int(scalars[index - 1])]) ?? .other
                let joins =
                    joins(last, kind)
                    || (conjunct == 2 && consonants.contains(scalar))
                    || (last == .joiner && hasPictogram && pictographic.contains(scalar))
                    || (kind == .regional && last == .regional && regionals % 2 == 1)
                if !joins { ends.append(index) }
            }
            regionals = kind == .regional ? regionals + 1 : 0
            if pictographic.contains(scalar) { hasPictogram = true } else if kind != .extend, kind != .joiner { hasPictogram = false }
            if consonants.contains(scalar) {
                conjunct = 1
            } else if conjunct > 0, linkers.contains(scalar) {
                conjunct = 2
            } else if conjunct > 0, !extenders.contains(scalar) {
                conjunct = 0
            }
        }
        if !scalars.isEmpty { ends.append(scalars.count) }
        return ends
    }

    private func joins(_ last: Break, _ next: Break) -> Bool {
        switch (last, next) {
        case (.carriageReturn, .lineFeed): true
        case (.carriageReturn, _), (.lineFeed, _), (.control, _), (_, .carriageReturn), (_, .lineFeed), (_, .control): false
        case (.leading, .leading), (.leading, .vowel), (.leading, .leadingVowel), (.leading, .syllable): true
        case (.leadingVowel, .vowel), (.leadingVowel, .trailing), (.vowel, .vowel), (.vowel, .trailing): true
        case (.syllable, .trailing), (.trailing, .trailing): true
        case (_, .extend), (_, .joiner), (_, .spacing), (.prepend, _): true
        default: false
        }
    }
}
