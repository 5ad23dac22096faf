/// How a tensor's elements are written in a file: as numbers, or in blocks that share a scale.
///
/// ``all`` is the one table of those that are read. The blocks are those of ggml's `ggml-quants.h`; each decoder states its own.
package final class TensorEncoding: Sendable {
    /// What GGUF, or safetensors, calls it.
    package let name: String
    /// The number in GGUF's `ggml_type`, or nil for an encoding that it does not have.
    let ggmlType: UInt32?
    /// Whether safetensors has it, under the same name.
    let isInSafetensors: Bool
    /// How many elements one block holds.
    package let blockElements: Int
    /// How many bytes one block takes.
    package let blockBytes: Int
    private let decoder: @Sendable (UnsafeRawBufferPointer, UnsafeMutableBufferPointer<Float>) -> Void

    private init(
        _ name: String, ggml: UInt32?, safetensors: Bool, elements: Int, bytes: Int,
        _ decoder: @escaping @Sendable (UnsafeRawBufferPointer, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        (self.name, ggmlType, isInSafetensors) = (name, ggml, safetensors)
        (blockElements, blockBytes, self.decoder) = (elements, bytes, decoder)
    }

    /// Decodes all of `bytes`, whose length fits `destination`.
    package func decode(_ bytes: UnsafeRawBufferPointer, into destination: UnsafeMutableBufferPointer<Float>) {
        precondition(destination.count % blockElements == 0 && bytes.count == destination.count / blockElements * blockBytes)
        decoder(bytes, destination)
    }

    package static let float32 = TensorEncoding("F32", ggml: 0, safetensors: true, elements: 1, bytes: 4) {
        UnsafeMutableRawBufferPointer($1).copyMemory(from: $0)
    }
    package static let float16 = numbers("F16", UInt16.self, ggml: 1) { Float(halfBits: $0) }

    /// Every encoding that is read.
    package static let all = [
        float32, float16,
        numbers("BF16", UInt16.self, ggml: 30) { Float(bitPattern: UInt32($0) << 16) },
        numbers("F64", UInt64.self, ggml: 28) { Float(Double(bitPattern: $0)) },
        numbers("F8_E4M3", UInt8.self) { Float(e4m3: $0) },
        numbers("F8_E5M2", UInt8.self) { Float(halfBits: UInt16($0) << 8) },
        numbers("F8_E8M0", UInt8.self) { Float(e8m0: $0) },
        blocks("Q4_0", ggml: 2, of: 32, bytes: 18) { $0.decodeQ4_0($1) },
        blocks("Q4_1", ggml: 3, of: 32, bytes: 20) { $0.decodeQ4_1($1) },
        blocks("Q5_0", ggml: 6, of: 32, bytes: 22) { $0.decodeQ5_0($1) },
        blocks("Q5_1", ggml: 7, of: 32, bytes: 24) { $0.decodeQ5_1($1) },
        blocks("Q8_0", ggml: 8, of: 32, bytes: 34) { $0.decodeQ8_0($1) },
        blocks("Q2_K", ggml: 10, of: 256, bytes: 84) { $0.decodeQ2_K($1) },
        blocks("Q3_K", ggml: 11, of: 256, bytes: 110) { $0.decodeQ3_K($1) },
        blocks("Q4_K", ggml: 12, of: 256, bytes: 144) { $0.decodeQ4_K($1) },
        blocks("Q5_K", ggml: 13, of: 256, bytes: 176) { $0.decodeQ5_K($1) },
        blocks("Q6_K", ggml: 14, of: 256, bytes: 210) { $0.decodeQ6_K($1) },
        blocks("Q8_K", ggml: 15, of: 256, bytes: 292) { $0.decodeQ8_K($1) },
        blocks("IQ4_NL", ggml: 20, of: 32, bytes: 18) { $0.decodeIQ4_NL($1) },
        blocks("IQ4_XS", ggml: 23, of: 256, bytes: 136) { $0.decodeIQ4_XS($1) },
        blocks("MXFP4", ggml: 39, of: 32, bytes: 17) { $0.decodeMXFP4($1) },
    ]

    private static let byGGMLType = Dictionary(uniqueKeysWithValues: all.compactMap { encoding in encoding.ggmlType.map { ($0, encoding) } })
    private static let bySafetensorsType = Dictionary(uniqueKeysWithValues: all.filter(\.isInSafetensors).map { ($0.name, $0) })

    /// The encoding of GGUF's number, or nil for one that is not read.
    package static func ofGGML(_ type: UInt32) -> TensorEncoding? { byGGMLType[type] }

    /// The encoding that safetensors calls so, or nil for one that is not read.
    package static func ofSafetensors(_ type: String) -> TensorEncoding? { bySafetensorsType[type] }

    /// GGUF's names of those that are read.
    static var ggmlNames: [String] { all.filter { $0.ggmlType != nil }.map(\.name) }

    /// safetensors' names of those that are read.
    static var safetensorsNames: [String] { all.filter(\.isInSafetensors).map(\.name) }
}

extension TensorEncoding: Hashable {
    package static func == (a: TensorEncoding, b: TensorEncoding) -> Bool { a === b }
    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

extension TensorEncoding {
    /// Single numbers of so many bits. Inlined, so that the loop holds the number's own code.
    @inline(__always)
    private static func numbers<Bits: FixedWidthInteger & Sendable>(
        _ name: String, _: Bits.Type, ggml: UInt32? = nil, _ number: @escaping @Sendable (Bits) -> Float
    ) -> TensorEncoding {
        let size = MemoryLayout<Bits>.size
        return TensorEncoding(name, ggml: ggml, safetensors: true, elements: 1, bytes: size) { source, output in
            for index in output.indices {
                output[index] = number(Bits(littleEndian: source.loadUnaligned(fromByteOffset: index * size, as: Bits.self)))
            }
        }
    }

    /// Blocks of so many elements and so many bytes.
    @inline(__always)
    private static func blocks(
        _ name: String, ggml: UInt32, of elements: Int, bytes: Int,
        _ decode: @escaping @Sendable (EncodedBlock, UnsafeMutableBufferPointer<Float>) -> Void
    ) -> TensorEncoding {
        TensorEncoding(name, ggml: ggml, safetensors: false, elements: elements, bytes: bytes) { source, output in
            for block in 0..<output.count / elements {
                let part = UnsafeMutableBufferPointer(rebasing: output[block * elements..<(block + 1) * elements])
                decode(EncodedBlock(bytes: source, start: block * bytes), part)
            }
        }
    }
}
