/// The blocks of 256 elements, most of them with a scale of its own for each 16 or 32.
extension EncodedBlock {
    /// 16 bytes of sub-block scales and minima, 4 bits each, 64 bytes of pairs of bits, scale f16, minimum f16.
    func decodeQ2_K(_ output: UnsafeMutableBufferPointer<Float>) {
        let (scale, minimum) = (half(80), half(82))
        for sub in 0..<16 {
            let (step, base) = (scale * Float(lowNibble(sub)), minimum * Float(highNibble(sub)))
            for i in sub * 16..<sub * 16 + 16 { output[i] = step * Float(pair(16, i)) - base }
        }
    }

    /// 32 bytes of third bits, 64 bytes of pairs of bits, 12 bytes of sub-block scales, scale f16. A third bit that is not there takes 4 off.
    func decodeQ3_K(_ output: UnsafeMutableBufferPointer<Float>) {
        let scale = half(108)
        for sub in 0..<16 {
            let low = sub < 8 ? lowNibble(96 + sub) : highNibble(96 + sub - 8)
            let high = byte(104 + sub % 4) >> (2 * (sub / 4)) & 3
            let step = scale * Float((low | high << 4) - 32)
            for i in sub * 16..<sub * 16 + 16 {
                let third = byte(i % 32) >> (i / 32) & 1
                output[i] = step * Float(pair(32, i) - (third == 0 ? 4 : 0))
            }
        }
    }

    /// Two bits of element `i`, in 64 bytes from `offset` on: of 32 bytes, the lowest two of each, then the next, for 128 elements.
    private func pair(_ offset: Int, _ i: Int) -> Int { byte(offset + i / 128 * 32 + i % 32) >> (i % 128 / 32 * 2) & 3 }

    /// The scale and the minimum of sub-block `i` of eight, 6 bits each, in the 12 bytes from byte 4 on.
    private func scaleAndMinimum(_ i: Int) -> (scale: Int, minimum: Int) {
        if i < 4 { return (byte(4 + i) & 63, byte(8 + i) & 63) }
        return (
            byte(8 + i) & 15 | (byte(i) >> 6) << 4,
            byte(8 + i) >> 4 | (byte(4 + i) >> 6) << 4
        )
    }

    /// Eight sub-blocks of 32 numbers, each with a scale and a minimum of its own in the first 16 bytes.
    @inline(__always)
    private func decodeSubBlocks(_ output: UnsafeMutableBufferPointer<Float>, _ quant: (_ sub: Int, _ place: Int) -> Int) {
        let (scale, minimum) = (half(0), half(2))
        for sub in 0..<8 {
            let factors = scaleAndMinimum(sub)
            let (step, base) = (scale * Float(factors.scale), minimum * Float(factors.minimum))
            for place in 0..<32 { output[sub * 32 + place] = step * Float(quant(sub, place)) - base }
        }
    }

    /// Two sub-blocks share 32 bytes: the first has the low nibbles.
    private func nibble(_ start: Int, _ sub: Int, _ place: Int) -> Int {
        let offset = start + sub / 2 * 32 + place
        return sub % 2 == 0 ? lowNibble(offset) : highNibble(offset)
    }

    /// scale f16, minimum f16, 12 bytes of sub-block scales and minima, 128 bytes of nibbles.
    func decodeQ4_K(_ output: UnsafeMutableBufferPointer<Float>) {
        decodeSubBlocks(output) { nibble(16, $0, $1) }
    }

    /// scale f16, minimum f16, 12 bytes of scales and minima, 32 bytes of fifth bits, 128 bytes of nibbles.
    func decodeQ5_K(_ output: UnsafeMutableBufferPointer<Float>) {
        decodeSubBlocks(output) { nibble(48, $0, $1) | (byte(16 + $1) >> $0 & 1) << 4 }
    }

    /// 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed sub-block scales, scale f16.
    func decodeQ6_K(_ output: UnsafeMutableBufferPointer<Float>) {
        let scale = half(208)
        for i in 0..<256 {
            let (halfBlock, rest) = (i / 128, i % 128)
            let (quarter, column) = (rest / 32, rest % 32)
            let lowOffset = halfBlock * 64 + quarter % 2 * 32 + column
            let low = quarter < 2 ? lowNibble(lowOffset) : highNibble(lowOffset)
            let high = byte(128 + halfBlock * 32 + column) >> (2 * quarter) & 3
            output[i] = scale * Float(signedByte(192 + i / 16)) * Float((low | high << 4) - 32)
        }
    }

    /// scale f32, 256 signed bytes, 16 sums that only products need.
    func decodeQ8_K(_ output: UnsafeMutableBufferPointer<Float>) {
        let scale = single(0)
        for i in 0..<256 { output[i] = scale * Float(signedByte(4 + i)) }
    }

    /// scale f16, the upper 2 bits of eight sub-block scales, their lower 4 bits, 128 bytes of nibbles as in IQ4_NL.
    func decodeIQ4_XS(_ output: UnsafeMutableBufferPointer<Float>) {
        let (scale, highs) = (half(0), Int(uint16(2)))
        for sub in 0..<8 {
            let low = sub % 2 == 0 ? lowNibble(4 + sub / 2) : highNibble(4 + sub / 2)
            let step = scale * Float((low | (highs >> (2 * sub) & 3) << 4) - 32)
            let part = UnsafeMutableBufferPointer(rebasing: output[sub * 32..<sub * 32 + 32])
            decodeNibbles(from: 8 + sub * 16, in: Self.unevenSteps, scale: step, part)
        }
    }
}
