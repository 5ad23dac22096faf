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
            let difference = relativeDifference(file.values(of: stored), expected.scalars)
            #expect(difference < 1e-6, "\(name) differs by \(difference)")
        }
    }
}
