import Swage

/// How a tensor's elements are written: floating point, or one of GGML's block formats.
///
/// The block formats are those of ggml's `ggml-quants.h`; each `decode` states its own block.
package enum TensorEncoding: String, Sendable, CaseIterable {
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case q4_0 = "Q4_0"
    case q4_1 = "Q4_1"
    case q5_0 = "Q5_0"
    case q5_1 = "Q5_1"
    case q8_0 = "Q8_0"
    case q4_K = "Q4_K"
    case q5_K = "Q5_K"
    case q6_K = "Q6_K"

    /// The number in GGUF's `ggml_type`.
    package init?(ggmlType: UInt32) {
        let known: [UInt32: TensorEncoding] = [
            0: .float32, 1: .float16, 2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0, 12: .q4_K, 13: .q5_K,
            14: .q6_K, 30: .bfloat16,
        ]
        guard let encoding = known[ggmlType] else { return nil }
        self = encoding
    }

    /// How many elements one block holds.
    package var blockElements: Int {
        switch self {
        case .float32, .float16, .bfloat16: 1
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
        case .q4_K, .q5_K, .q6_K: 256
        }
    }

    /// How many bytes one block takes.
    package var blockBytes: Int {
        switch self {
        case .float32: 4
        case .float16, .bfloat16: 2
        case .q4_0: 18
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_0: 34
        case .q4_K: 144
        case .q5_K: 176
        case .q6_K: 210
        }
    }

    /// Decodes all of `bytes`, whose length fits `destination`.
    package func decode(_ bytes: UnsafeRawBufferPointer, into destination: UnsafeMutableBufferPointer<Float>) {
        precondition(bytes.count == destination.count / blockElements * blockBytes)
        if self == .float32 {
            UnsafeMutableRawBufferPointer(destination).copyMemory(from: bytes)
            return
        }
        for block in 0..<destination.count / blockElements {
            let source = Block(bytes: bytes, start: block * blockBytes)
            let output = UnsafeMutableBufferPointer(
                rebasing: destination[block * blockElements..<(block + 1) * blockElements])
            switch self {
            case .float32: break
            case .float16: output[0] = source.half(0)
            case .bfloat16: output[0] = Float(bitPattern: UInt32(source.uint16(0)) << 16)
            case .q4_0: source.decodeQ4_0(output)
            case .q4_1: source.decodeQ4_1(output)
            case .q5_0: source.decodeQ5_0(output)
            case .q5_1: source.decodeQ5_1(output)
            case .q8_0: source.decodeQ8_0(output)
            case .q4_K: source.decodeQ4_K(output)
            case .q5_K: source.decodeQ5_K(output)
            case .q6_K: source.decodeQ6_K(output)
            }
        }
    }
}

/// One block of a block format.
private struct Block {
    let bytes: UnsafeRawBufferPointer
    let start: Int

    func byte(_ offset: Int) -> Int { Int(bytes[start + offset]) }

    func uint16(_ offset: Int) -> UInt16 { UInt16(byte(offset)) | UInt16(byte(offset + 1)) << 8 }

    func half(_ offset: Int) -> Float { Float(halfBits: uint16(offset)) }

    private func lowNibble(_ offset: Int) -> Int { byte(offset) & 15 }
    private func highNibble(_ offset: Int) -> Int { byte(offset) >> 4 }

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
        for i in 0..<32 { output[i] = Float(Int8(truncatingIfNeeded: byte(2 + i))) * scale }
    }

    /// The scale and the minimum of sub-block `i` of eight, 6 bits each, in the 12 bytes from byte 4 on.
    private func scaleAndMinimum(_ i: Int) -> (scale: Int, minimum: Int) {
        if i < 4 { return (byte(4 + i) & 63, byte(8 + i) & 63) }
        return (
            byte(8 + i) & 15 | (byte(i) >> 6) << 4,
            byte(8 + i) >> 4 | (byte(4 + i) >> 6) << 4
        )
    }

    /// scale f16, minimum f16, 12 bytes of sub-block scales and minima, 128 bytes of nibbles.
    func decodeQ4_K(_ output: UnsafeMutableBufferPointer<Float>) {
        let (scale, minimum) = (half(0), half(2))
        for sub in 0..<8 {
            let factors = scaleAndMinimum(sub)
            let (step, base) = (scale * Float(factors.scale), minimum * Float(factors.minimum))
            for i in 0..<32 {
                let offset = 16 + sub / 2 * 32 + i
                let quant = sub % 2 == 0 ? lowNibble(offset) : highNibble(offset)
                output[sub * 32 + i] = step * Float(quant) - base
            }
        }
    }

    /// scale f16, minimum f16, 12 bytes of scales and minima, 32 bytes of fifth bits, 128 bytes of nibbles.
    func decodeQ5_K(_ output: UnsafeMutableBufferPointer<Float>) {
        let (scale, minimum) = (half(0), half(2))
        for sub in 0..<8 {
            let factors = scaleAndMinimum(sub)
            let (step, base) = (scale * Float(factors.scale), minimum * Float(factors.minimum))
            for i in 0..<32 {
                let offset = 48 + sub / 2 * 32 + i
                let nibble = sub % 2 == 0 ? lowNibble(offset) : highNibble(offset)
                let fifth = (byte(16 + i) >> sub & 1) << 4
                output[sub * 32 + i] = step * Float(nibble | fifth) - base
            }
        }
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
            let subScale = Float(Int8(truncatingIfNeeded: byte(192 + i / 16)))
            output[i] = scale * subScale * Float((low | high << 4) - 32)
        }
    }
}

extension Float {
    /// A number in IEEE 754 half precision. `Float16` does not exist on every platform.
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
}
