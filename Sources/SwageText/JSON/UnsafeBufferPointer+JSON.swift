extension UInt8 {
    /// White space as JSON has it.
    @inline(__always) var isJSONSpace: Bool { self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09 }

    /// The byte as an error shows it.
    var inWords: String { (0x21...0x7E).contains(self) ? "\"\(UnicodeScalar(self))\"" : "the byte \(self)" }
}

extension UnsafeBufferPointer<UInt8> {
    /// The place of the first byte at or after `start` that means something within a text of JSON: a double quote, a
    /// backslash or a control character; `count` if there is none.
    @inline(__always) func firstOfText(from start: Int) -> Int {
        var place = start
        guard let base = UnsafeRawPointer(baseAddress) else { return count }
        // Eight bytes at a time. A borrow can mark bytes above the first that is meant, and none below.
        let ones: UInt64 = 0x0101_0101_0101_0101
        while place &+ 8 <= count {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            let (quotes, slashes) = (word ^ (ones &* 0x22), word ^ (ones &* 0x5C))
            let found = ((word &- ones &* 0x20) & ~word | (quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes) & (ones &* 0x80)
            if found != 0 { return place &+ found.trailingZeroBitCount / 8 }
            place &+= 8
        }
        while place < count {
            let byte = base.load(fromByteOffset: place, as: UInt8.self)
            if byte < 0x20 || byte == 0x22 || byte == 0x5C { return place }
            place &+= 1
        }
        return count
    }
}
