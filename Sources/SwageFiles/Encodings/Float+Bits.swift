/// Numbers of few bits, which Swift has no types for on every platform.
extension Float {
    /// A number in IEEE 754 half precision.
    init(halfBits bits: UInt16) {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10 & 0x1F)
        let fraction = UInt32(bits & 0x3FF)
        switch (exponent, fraction) {
        case (0, _):
            let magnitude = Float(fraction) * 0x1p-24
            self = sign == 0 ? magnitude : -magnitude
        case (0x1F, _):
            self.init(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default:
            self.init(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }

    /// A number of 8 bits, 4 of them the exponent: no infinity, and one NaN of each sign (Micikevicius et al., 2022).
    init(e4m3 bits: UInt8) {
        let (exponent, fraction) = (UInt32(bits >> 3 & 15), UInt32(bits & 7))
        let magnitude: Float =
            switch (exponent, fraction) {
            case (0, _): Float(fraction) * 0x1p-9
            case (15, 7): .nan
            default: Float(bitPattern: (exponent + 120) << 23 | fraction << 20)
            }
        self = bits < 128 ? magnitude : -magnitude
    }

    /// A power of two by its exponent (OCP Microscaling Formats, 2023).
    init(e8m0 bits: UInt8) {
        self = bits == 255 ? .nan : bits == 0 ? 0x1p-127 : Float(bitPattern: UInt32(bits) << 23)
    }

    /// Half of a power of two by its exponent, as ggml has it: 255 is one as well.
    init(halfOfE8M0 bits: UInt8) {
        self.init(bitPattern: bits < 2 ? 0x0020_0000 << UInt32(bits) : UInt32(bits - 1) << 23)
    }
}
