/// Normalizes text for the Unigram vocabularies of SentencePiece, as llama.cpp does it.
struct SentencePieceNormalizer: Sendable {
    private static let mark = Array("▁".utf8)

    let map: PrecompiledCharacterMap?
    let addsPrefixSpace: Bool
    let removesExtraSpaces: Bool

    func apply(to text: inout AlignedText, continues: Bool) {
        var bytes: [UInt8] = []
        var places: [Int32] = []
        bytes.reserveCapacity(text.bytes.count + text.bytes.count / 2)
        text.bytes.withUnsafeBufferPointer { old in
            var place = 0
            func add(_ addition: some Collection<UInt8>) {
                bytes += addition
                for _ in 0..<addition.count { places.append(Int32(truncatingIfNeeded: place)) }
            }
            var isPrefixed = !addsPrefixSpace || continues
            var isWithinWord = continues
            while place < old.count {
                let rest = UnsafeBufferPointer(rebasing: old[place...])
                let width = rest[0] < 0x80 ? 1 : rest.scalar(at: 0).width
                let (length, result) = map?.longest(rest) ?? (width, Array(rest[..<width])[...])
                for byte in result {
                    if byte == 0x20 {
                        isWithinWord = false
                        if !removesExtraSpaces { add(Self.mark) }
                    } else {
                        if !isWithinWord, !isPrefixed || removesExtraSpaces {
                            add(Self.mark)
                            isPrefixed = true
                        }
                        isWithinWord = true
                        add(CollectionOfOne(byte))
                    }
                }
                place += max(1, length)
            }
        }
        text.replaceAll(bytes, from: places)
    }
}
