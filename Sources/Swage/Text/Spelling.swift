/// A text that equals what is spelled alike, and nothing else.
package struct Spelling: Hashable {
    package let text: String

    package init(text: String) { self.text = text }

    package static func == (a: Self, b: Self) -> Bool { a.text.hasSameBytes(as: b.text) }

    package func hash(into hasher: inout Hasher) {
        let isHashed: Void? = text.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        if isHashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
}

extension String {
    /// Whether both are spelled alike. `==` also equates what Unicode calls canonically equivalent.
    package func hasSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let isSame = utf8.withContiguousStorageIfAvailable { own in
            other.utf8.withContiguousStorageIfAvailable { other in
                for index in 0..<own.count where own[index] != other[index] { return false }
                return true
            }
        }
        return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }

    /// At most so many characters, with "…" where more follow. Takes time by the characters it gives, and not by those it has.
    package func beginning(_ count: Int) -> String {
        let scalars = unicodeScalars.prefix(count)
        return scalars.endIndex == unicodeScalars.endIndex ? self : String(String.UnicodeScalarView(scalars)) + "…"
    }
}
