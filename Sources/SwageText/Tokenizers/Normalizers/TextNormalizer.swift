/// A step that changes the text before it is cut into pieces.
enum TextNormalizer: Sendable {
    enum Form: Sendable { case nfc, nfd, nfkc, nfkd }

    case form(Form)
    case lowercase
    case strip(left: Bool, right: Bool)
    case stripAccents
    case replaceText([UInt8], with: [UInt8])
    case replacePattern(RegularExpression, with: [UInt8])
    case prepend([UInt8])
    case bert(BertNormalizer)
    case precompiled(PrecompiledCharacterMap)
    case nmt
    case byteLevel
    case sentencePiece(SentencePieceNormalizer)
    case bertOfLlamaCpp

    /// Whether it leaves a text as it is, as far as a quick look tells.
    func leaves(_ utf8: UnsafeBufferPointer<UInt8>, isASCII: Bool) -> Bool {
        switch self {
        case .form(let form): isASCII || CanonicalOrder.shared.isNormal(utf8, form)
        case .stripAccents: isASCII
        default: false
        }
    }

    /// - Parameter continues: whether something stands right before the text, so that nothing is put between them.
    func apply(to text: inout AlignedText, continues: Bool = false) {
        switch self {
        case .form(let form):
            if text.bytes.withUnsafeBufferPointer({ leaves($0, isASCII: $0.isASCII) }) { return }
            text.transform(CanonicalOrder.shared.normalized(text.bytes.scalars, form))
        case .lowercase: text.lowercase()
        case .strip(let left, let right): text.strip(left: left, right: right)
        case .stripAccents: text.filter { !ScalarBitmap.combiningMark.contains($0) }
        case .replaceText(let pattern, let content): text.replace(text.bytes.ranges(of: pattern), with: content)
        case .replacePattern(let pattern, let content): text.replace(pattern.matches(in: text.bytes), with: content)
        case .prepend(let prefix): if !continues { text.prepend(prefix) }
        case .bert(let bert): bert.apply(to: &text)
        case .precompiled(let map): map.apply(to: &text)
        case .nmt: text.cleanForTranslation()
        case .byteLevel: text.spellBytes()
        case .sentencePiece(let normalizer): normalizer.apply(to: &text, continues: continues)
        case .bertOfLlamaCpp: text.separateWords()
        }
    }
}

extension AlignedText {
    mutating func lowercase() {
        let mappings = UnicodeMappings.lowercase
        if bytes.allSatisfy({ $0 < 0x80 && !(0x41...0x5A).contains($0) }) { return }
        var result: [(scalar: UInt32, change: Int)] = []
        result.reserveCapacity(bytes.count)
        for scalar in bytes.scalars {
            if scalar < 0x80 {
                result.append(((0x41...0x5A).contains(scalar) ? scalar + 32 : scalar, 0))
            } else if let mapped = mappings[scalar] {
                for (index, scalar) in mapped.enumerated() { result.append((scalar, index > 0 ? 1 : 0)) }
            } else {
                result.append((scalar, 0))
            }
        }
        transform(result)
    }

    mutating func strip(left: Bool, right: Bool) {
        let scalars = bytes.scalars
        let leading = left ? scalars.prefix { ScalarBitmap.whitespace.contains($0) }.count : 0
        let trailing = right ? scalars.reversed().prefix { ScalarBitmap.whitespace.contains($0) }.count : 0
        if leading == 0, trailing == 0 { return }
        let kept = leading + trailing >= scalars.count ? [] : scalars[leading..<scalars.count - trailing]
        transform(kept.map { ($0, 0) }, removedAtStart: leading)
    }

    /// What neural machine translation at Google did to its texts.
    mutating func cleanForTranslation() {
        filter { scalar in
            switch scalar {
            case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: false
            default: true
            }
        }
        map { scalar in
            switch scalar {
            case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: 0x20
            default: scalar
            }
        }
    }

    /// Spells each byte as a character of the byte-level alphabet.
    mutating func spellBytes() {
        var result: [(scalar: UInt32, change: Int)] = []
        result.reserveCapacity(bytes.count)
        for byte in bytes { result.append((ByteLevelAlphabet.scalars[Int(byte)].value, byte & 0xC0 == 0x80 ? 1 : 0)) }
        transform(result)
    }
}

extension [UInt8] {
    /// Where a text that is not empty is found, one place after the other.
    func ranges(of pattern: [UInt8]) -> [Range<Int>] {
        guard let first = pattern.first, count >= pattern.count else { return [] }
        var ranges: [Range<Int>] = []
        withUnsafeBufferPointer { bytes in
            var index = 0
            while index + pattern.count <= bytes.count {
                if bytes[index] == first, pattern.indices.allSatisfy({ bytes[index + $0] == pattern[$0] }) {
                    ranges.append(index..<index + pattern.count)
                    index += pattern.count
                } else {
                    index += 1
                }
            }
        }
        return ranges
    }
}
