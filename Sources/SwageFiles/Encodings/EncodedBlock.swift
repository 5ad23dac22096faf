/// One block of a block format: elements that share a scale.
struct EncodedBlock {
    let bytes: UnsafeRawBufferPointer
    let start: Int

    func byte(_ offset: Int) -> Int { Int(bytes[start + offset]) }

    func signedByte(_ offset: Int) -> Int { Int(Int8(bitPattern: bytes[start + offset])) }

    func uint16(_ offset: Int) -> UInt16 { UInt16(byte(offset)) | UInt16(byte(offset + 1)) << 8 }

    func half(_ offset: Int) -> Float { Float(halfBits: uint16(offset)) }

    func single(_ offset: Int) -> Float {
        Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start + offset, as: UInt32.self)))
    }

    func lowNibble(_ offset: Int) -> Int { byte(offset) & 15 }
    func highNibble(_ offset: Int) -> Int { byte(offset) >> 4 }

    /// scale f16, 16 bytes of nibbles: the low ones are elements 0–15, the high ones 16–31.
    func decodeQ4_0(_ output: UnsafeMutableBufferPointer<Float>) {
        let scale = half(0)
        for i in 0..<16 {
            output[i] = Float(lowNibble(2 + i) - 8) * scale
            output[i + 16] = Float(highNibble(2 + i) - 8) * scale
        }
    }

    /// scale f16, minimum f16, 16 bytes of nibbles.
    func decodeQ4_1(_ output: UnsafeMutableBufferPointer<Float>) {
        let (scale, minimum) = (half(0), half(2))
        for i in 0..<16 {
            output[i] = Float(lowNibble(4 + i)) * scale + minimum
            output[i + 16] = Float(highNibble(4 + i)) * scale + minimum
        }
    }

    /// The fifth bits of 32 elements, one a bit, from `offset` on.
    private func fifthBit(_ offset: Int, _ element: Int) -> Int {
        (byte(offset + element / 8) >> (element % 8) & 1) << 4
    }

    /// scale f16, 4 bytes of fifth bits, 16 bytes of nibbles.
    func decodeQ5_0(_ output: UnsafeMutableBufferPointer<Float>) {
        let scale = half(0)
        for i in 0..<16 {
            output[i] = Float((lowNibble(6 + i) | fifthBit(2, i)) - 16) * scale
            output[i + 16] = Float((highNibble(6 + i) | fifthBit(2, i + 16)) - 16) * scale
        }
    }

    /// scale f16, minimum f16, 4 bytes of fifth bits, 16 bytes of nibbles.
    func decodeQ5_1(_ output: UnsafeMutableBufferPointer<Float>) {
        let (scale, minimum) = (half(0), half(2))
        for i in 0..<16 {
            output[i] = Float(lowNibble(8 + i) | fifthBit(4, i)) * scale + minimum
            output[i + 16] = Float(highNibble(8 + i) | fifthBit(4, i + 16)) * scale + minimum
        }
    }

    /// scale f16, 32 signed bytes.
    func decodeQ8_0(_ output: UnsafeMutableBufferPointer<Float>) {
        let scale = half(0)
        for i in 0..<32 { output[i] = Float(signedByte(2 + i)) * scale }
    }

    /// scale f16, 16 bytes of nibbles, each of which is a place in ``unevenSteps``.
    func decodeIQ4_NL(_ output: UnsafeMutableBufferPointer<Float>) {
        decodeNibbles(from: 2, in: Self.unevenSteps, scale: half(0), output)
    }

    /// exponent e8m0, 16 bytes of nibbles: numbers of four bits, e2m1.
    func decodeMXFP4(_ output: UnsafeMutableBufferPointer<Float>) {
        decodeNibbles(from: 1, in: Self.doubledE2M1, scale: Float(halfOfE8M0: bytes[start]), output)
    }

    /// 32 nibbles from a byte on: the low ones are elements 0–15, the high ones 16–31.
    func decodeNibbles(from first: Int, in values: SIMD16<Int8>, scale: Float, _ output: UnsafeMutableBufferPointer<Float>) {
        for i in 0..<16 {
            output[i] = scale * Float(values[lowNibble(first + i)])
            output[i + 16] = scale * Float(values[highNibble(first + i)])
        }
    }

    /// What the sixteen nibbles of IQ4 stand for.
    static let unevenSteps: SIMD16<Int8> = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

    /// What the sixteen numbers of four bits stand for, twice.
    private static let doubledE2M1: SIMD16<Int8> = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]
}
