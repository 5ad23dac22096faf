/// What BERT does to text: cleans it, puts spaces around Chinese characters, strips accents, lowers case.
struct BertNormalizer: Sendable {
    var cleansText: Bool
    var separatesChinese: Bool
    var stripsAccents: Bool
    var lowersCase: Bool

    func apply(to text: inout AlignedText) {
        if cleansText {
            text.filter { scalar in
                if scalar == 0x09 || scalar == 0x0A || scalar == 0x0D { return true }
                return scalar != 0 && scalar != 0xFFFD && !ScalarBitmap.other.contains(scalar)
            }
            text.map { ScalarBitmap.whitespace.contains($0) ? 0x20 : $0 }
        }
        if separatesChinese, !text.isASCII {
            var result: [(scalar: UInt32, change: Int)] = []
            for scalar in text.bytes.scalars {
                if Self.isChinese(scalar) {
                    result += [(0x20, 0), (scalar, 1), (0x20, 1)]
                } else {
                    result.append((scalar, 0))
                }
            }
            text.transform(result)
        }
        if stripsAccents {
            TextNormalizer.form(.nfd).apply(to: &text)
            text.filter { !ScalarBitmap.nonspacingMark.contains($0) }
        }
        if lowersCase { text.lowercase() }
    }

    fileprivate static func isChinese(_ scalar: UInt32) -> Bool {
        switch scalar {
        // The gap before 2B920 is one that `tokenizers` has.
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F, 0x2B920...0x2CEAF,
            0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}

extension AlignedText {
    /// Leaves spaces between words, and letters without accents and in lower case, as llama.cpp does for BERT.
    mutating func separateWords() {
        var result: [(scalar: UInt32, change: Int)] = []
        for scalar in bytes.scalars {
            let base = CanonicalOrder.shared.normalized([scalar], .nfd).first?.scalar ?? scalar
            if ScalarBitmap.whitespace.contains(base) {
                result.append((0x20, 0))
            } else if base == 0 || base == 0xFFFD || ScalarBitmap.other.contains(base) || ScalarBitmap.nonspacingMark.contains(base) {
                // Nothing stands for it, and nothing is between what stands before and after it.
                result.append((0, 0))
            } else {
                let letter = UnicodeMappings.lowercase[base]?.first ?? base
                let isAlone = ScalarBitmap.punctuation.contains(base) || BertNormalizer.isChinese(base)
                result += isAlone ? [(0x20, 0), (letter, 1), (0x20, 1)] : [(letter, 0)]
            }
        }
        transform(result)
        filter { $0 != 0 }
    }
}
