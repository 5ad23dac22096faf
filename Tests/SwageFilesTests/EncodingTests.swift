import Foundation
import Swage
import SwageFiles
import Testing
import TestSupport

@Suite struct EncodingTests {
    @Test func everyGGUFEncodingDecodesAsTheGGUFPackageDoes() throws {
        let file = try GGUFFile(path: Golden.root + "/gguf/encodings.gguf")
        let golden = try GoldenTensors(Golden.root + "/gguf/encodings.safetensors")
        #expect(golden.names == Set(TensorEncoding.all.map(\.name)).subtracting(["F8_E4M3", "F8_E5M2", "F8_E8M0"]))
        for name in golden.names.sorted() {
            let expected = try golden.floats(name)
            let stored = try #require(file.tensors[name])
            #expect(stored.shape == expected.shape)
            let odd = firstOddBit(try file.values(of: stored), expected.scalars)
            #expect(odd == nil, "\(name): \(odd ?? "")")
        }
    }

    /// Every pattern of 8 bits, and numbers of 64 bits that float32 rounds.
    @Test func everyShortAndLongNumberOfSafetensorsIsWhatTorchMakesOfIt() throws {
        let (stored, golden) = try (GoldenTensors(Self.numbers + "/numbers.safetensors"), GoldenTensors(Self.numbers + "/expected.safetensors"))
        #expect(golden.names == ["F8_E4M3", "F8_E5M2", "F8_E8M0", "F64"])
        for name in golden.names.sorted() {
            let odd = firstOddBit(try stored.floats(name).scalars, try golden.floats(name).scalars)
            #expect(odd == nil, "\(name): \(odd ?? "")")
        }
    }

    private static let numbers = Golden.root + "/short_numbers"

    /// Where two lists differ in a bit, but for those of a NaN.
    private func firstOddBit(_ found: [Float], _ expected: [Float]) -> String? {
        guard found.count == expected.count else { return "\(found.count) elements, not \(expected.count)" }
        let odd = found.indices.first { found[$0].bitPattern != expected[$0].bitPattern && !(found[$0].isNaN && expected[$0].isNaN) }
        return odd.map { "element \($0) is \(found[$0]), not \(expected[$0])" }
    }

    @Test func versionTwoOfGGUFReadsAsVersionThreeAndOthersAreRefused() async throws {
        try await withTemporaryDirectory { directory in
            var bytes = try Data(contentsOf: URL(fileURLWithPath: Golden.root + "/gguf/encodings.gguf"))
            let path = directory + "/model.gguf"
            for version in [UInt8(1), 2, 4] {
                bytes[4] = version
                try bytes.write(to: URL(fileURLWithPath: path))
                if version == 2 {
                    #expect(try GGUFFile(path: path).tensors.count == 18)
                } else {
                    let error = #expect(throws: TrainerError.self) { try GGUFFile(path: path) }
                    #expect(error?.description.contains("version \(version)") == true)
                }
            }
        }
    }

    /// 1, -2, 2^-24 (the least half), infinity and NaN, in the two short formats of safetensors.
    @Test(arguments: [
        ("F16", [0x3C00, 0xC000, 0x0001, 0x7C00, 0x7E00] as [UInt16], Float(0x1p-24)),
        ("BF16", [0x3F80, 0xC000, 0x3380, 0x7F80, 0x7FC0], 0x1p-24),
    ])
    func shortFloatsInSafetensorsAreRead(_ dtype: String, _ bits: [UInt16], _ least: Float) async throws {
        try await withTemporaryDirectory { directory in
            let header = #"{"x":{"dtype":"\#(dtype)","shape":[5],"data_offsets":[0,10]}}"#
            var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
            bytes += Data(header.utf8) + bits.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
            try bytes.write(to: URL(fileURLWithPath: directory + "/x.safetensors"))
            let values = try GoldenTensors(directory + "/x.safetensors").floats("x").scalars
            #expect(Array(values[..<4]) == [1, -2, least, .infinity])
            #expect(values[4].isNaN)
        }
    }
}
