/// Unicode's normal forms, with where each scalar comes from, as the crate unicode-normalization-alignments has them.
struct CanonicalOrder: Sendable {
    static let shared = CanonicalOrder()

    /// The characters that no normal form of a kind can change, whatever stands beside them.
    private let inert: [ScalarBitmap]

    private init() {
        let marks = ScalarSet(UnicodeMappings.combiningClasses.keys.map { $0..<$0 + 1 })
        let canonical = ScalarSet(UnicodeMappings.canonical.keys.map { $0..<$0 + 1 })
        let compatible = ScalarSet(UnicodeMappings.compatibility.keys.map { $0..<$0 + 1 })
        let hangul = ScalarSet([0xAC00..<0xD7A4])
        let second = ScalarSet(
            UnicodeMappings.compositions.keys.map { UInt32($0 & 0xFFFF_FFFF)..<UInt32($0 & 0xFFFF_FFFF) + 1 } + [
                0x1161..<0x1176, 0x11A8..<0x11C3,
            ])
        let composed = ScalarSet(UnicodeMappings.compositions.values.map { $0..<$0 + 1 })
        inert = [
            // A composed character is left as it is, if what it is composed of composes again.
            marks.union(second).union(canonical.subtracting(composed)),
            marks.union(canonical).union(hangul),
            marks.union(second).union(canonical.subtracting(composed)).union(compatible),
            marks.union(canonical).union(hangul).union(compatible),
        ].map { ScalarBitmap($0.inverted) }
    }

    private func inert(_ form: TextNormalizer.Form) -> ScalarBitmap {
        switch form {
        case .nfc: inert[0]
        case .nfd: inert[1]
        case .nfkc: inert[2]
        case .nfkd: inert[3]
        }
    }

    /// Whether a form leaves a text as it is, as far as a look at each character tells.
    func isNormal(_ utf8: UnsafeBufferPointer<UInt8>, _ form: TextNormalizer.Form) -> Bool {
        let inert = inert(form)
        var index = 0
        while index < utf8.count {
            if utf8[index] < 0x80 {
                index += 1
                continue
            }
            let (value, width) = utf8.scalar(at: index)
            if !inert.contains(value) { return false }
            index += width
        }
        return true
    }

    func normalized(_ scalars: [UInt32], _ form: TextNormalizer.Form) -> [(scalar: UInt32, change: Int)] {
        switch form {
        case .nfd: decomposed(scalars, isCompatible: false).map { ($0.scalar, $0.change) }
        case .nfkd: decomposed(scalars, isCompatible: true).map { ($0.scalar, $0.change) }
        case .nfc: composed(decomposed(scalars, isCompatible: false))
        case .nfkc: composed(decomposed(scalars, isCompatible: true))
        }
    }

    private struct Part {
        var combiningClass: UInt8
        var scalar: UInt32
        var change: Int
    }

    private func decomposed(_ scalars: [UInt32], isCompatible: Bool) -> [Part] {
        var parts: [Part] = []
        parts.reserveCapacity(scalars.count)
        var sorted = 0
        func add(_ scalar: UInt32, isFirst: Bool) {
            let combiningClass = scalar < 0x300 ? 0 : UnicodeMappings.combiningClasses[scalar] ?? 0
            if combiningClass == 0 { sort() }
            parts.append(Part(combiningClass: combiningClass, scalar: scalar, change: isFirst ? 0 : 1))
        }
        func sort() {
            if parts.count - sorted > 1 {
                // Swift's sort keeps the order of equals only by its own promise for `sort`; their places make it certain.
                let order = (sorted..<parts.count).sorted { (parts[$0].combiningClass, $0) < (parts[$1].combiningClass, $1) }
                let ordered = order.map { parts[$0] }
                parts.replaceSubrange(sorted..., with: ordered)
            }
            sorted = parts.count
        }
        for scalar in scalars {
            if scalar < 0x80 {
                add(scalar, isFirst: true)
            } else if (0xAC00..<0xD7A4).contains(scalar) {
                let index = scalar - 0xAC00
                add(0x1100 + index / 588, isFirst: true)
                add(0x1161 + index % 588 / 28, isFirst: false)
                if index % 28 > 0 { add(0x11A7 + index % 28, isFirst: false) }
            } else if let mapped = (isCompatible ? UnicodeMappings.compatibility[scalar] : nil) ?? UnicodeMappings.canonical[scalar] {
                for (place, part) in mapped.enumerated() { add(part, isFirst: place == 0) }
            } else {
                add(scalar, isFirst: true)
            }
        }
        sort()
        return parts
    }

    private func composed(_ parts: [Part]) -> [(scalar: UInt32, change: Int)] {
        var result: [(scalar: UInt32, change: Int)] = []
        result.reserveCapacity(parts.count)
        var starter: Part?
        var waiting: [Part] = []
        var lastClass: UInt8?
        func flush(_ starter: Part) {
            result.append((starter.scalar, starter.change))
            for part in waiting { result.append((part.scalar, part.change)) }
            waiting.removeAll(keepingCapacity: true)
        }
        for part in parts {
            guard let first = starter else {
                if part.combiningClass != 0 { result.append((part.scalar, part.change)) } else { starter = part }
                continue
            }
            if let last = lastClass, last >= part.combiningClass {
                if part.combiningClass == 0 {
                    flush(first)
                    (starter, lastClass) = (part, nil)
                } else {
                    waiting.append(part)
                    lastClass = part.combiningClass
                }
                continue
            }
            if let scalar = Self.composed(first.scalar, part.scalar) {
                starter = Part(combiningClass: 0, scalar: scalar, change: first.change + part.change - 1)
            } else if lastClass == nil, part.combiningClass == 0 {
                result.append((first.scalar, first.change))
                starter = part
            } else {
                waiting.append(part)
                lastClass = part.combiningClass
            }
        }
        if let starter { flush(starter) }
        return result
    }

    private static func composed(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if first < 0x80, second < 0x80 { return nil }
        if (0x1100..<0x1113).contains(first), (0x1161..<0x1176).contains(second) {
            return 0xAC00 + (first - 0x1100) * 588 + (second - 0x1161) * 28
        }
        if (0xAC00..<0xD7A4).contains(first), (0x11A8..<0x11C3).contains(second), (first - 0xAC00) % 28 == 0 {
            return first + second - 0x11A7
        }
        return UnicodeMappings.compositions[UInt64(first) << 32 | UInt64(second)]
    }
}
