import Foundation
import Swage
import SwageFiles
import Testing
import TestSupport

@Suite struct EncodingTests {
    @Test func everyGGUFEncodingDecodesAsTheGGUFPackageDoes() throws {
        let file = try GGUFFile(path: Golden.root + "/gguf/encodings.gguf")
        let golden = try GoldenTensors(Golden.root + "/gguf/encodings.safetensors")
        #expect(golden.names == Set(TensorEncoding.allCases.map(\.rawValue)))
        for name in golden.names.sorted() {
            let expected = try golden.floats(name)
            let stored = try #require(file.tensors[name])
            #expect(stored.shape == expected.shape)
            let difference = relativeDifference(try file.values(of: stored), expected.scalars)
            #expect(difference < 1e-6, "\(name) differs by \(difference)")
        }
    }

    @Test func versionTwoOfGGUFReadsAsVersionThreeAndOthersAreRefused() async throws {
        try await withTemporaryDirectory { directory in
            var bytes = try Data(contentsOf: URL(fileURLWithPath: Golden.root + "/gguf/encodings.gguf"))
            let path = directory + "/model.gguf"
            for version in [UInt8(1), 2, 4] {
                bytes[4] = version
                try bytes.write(to: URL(fileURLWithPath: path))
                if version == 2 {
                    #expect(try GGUFFile(path: path).tensors.count == TensorEncoding.allCases.count)
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
