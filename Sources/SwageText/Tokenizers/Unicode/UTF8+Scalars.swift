extension UnsafeBufferPointer<UInt8> {
    /// The scalar that begins at a place of valid UTF-8, and its length.
    @inline(__always)
    func scalar(at index: Int) -> (value: UInt32, width: Int) {
        let first = UInt32(self[index])
        if first < 0x80 { return (first, 1) }
        // Text that was cut within a character is read without going past its end.
        let width = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard first >= 0xC2, index + width <= count else { return (0xFFFD, 1) }
        func following(_ offset: Int) -> UInt32 { UInt32(self[index + offset] & 0x3F) }
        switch width {
        case 2: return ((first & 0x1F) << 6 | following(1), 2)
        case 3: return ((first & 0x0F) << 12 | following(1) << 6 | following(2), 3)
        default: return (Swift.min((first & 0x07) << 18 | following(1) << 12 | following(2) << 6 | following(3), 0x10FFFF), 4)
        }
    }
}

extension [UInt8] {
    mutating func append(scalar value: UInt32) {
        switch value {
        case ..<0x80: append(UInt8(value))
        case ..<0x800:
            append(UInt8(0xC0 | value >> 6))
            append(UInt8(0x80 | value & 0x3F))
        case ..<0x10000:
            append(UInt8(0xE0 | value >> 12))
            append(UInt8(0x80 | value >> 6 & 0x3F))
            append(UInt8(0x80 | value & 0x3F))
        default:
            append(UInt8(0xF0 | value >> 18 & 0x07))
            append(UInt8(0x80 | value >> 12 & 0x3F))
            append(UInt8(0x80 | value >> 6 & 0x3F))
            append(UInt8(0x80 | value & 0x3F))
        }
    }

    /// The scalars of valid UTF-8.
    var scalars: [UInt32] {
        withUnsafeBufferPointer { utf8 in
            var scalars: [UInt32] = []
            var index = 0
            while index < utf8.count {
                let (value, width) = utf8.scalar(at: index)
                scalars.append(value)
                index += width
            }
            return scalars
        }
    }
}
