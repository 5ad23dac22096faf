import Foundation
import Testing
import TestSupport

/// What the program says of models that are strange.
@Suite(.timeLimit(.minutes(30))) struct StrangeModelTests {
    @Test func inspectSaysWhatATokenizerIsAndWhatIsNotRead() throws {
        let result = try Program.run("inspect", Golden.decoder("qwen2"))
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("byte-level BPE") && result.output.contains("of them added"), "\(result.output)")
        let wrong = try Program.run("inspect", Golden.root + "/corpus.txt")
        #expect(wrong.status == 1 && wrong.errors.contains("does not begin with \"GGUF\""), "\(wrong.errors)")
    }

    @Test func aRotaryBaseOfAnySizeIsShown() async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.copyItem(atPath: Golden.decoder("llama"), toPath: directory + "/model")
            let path = directory + "/model/config.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try text.replacingOccurrences(of: "\"rope_theta\": 10000.0", with: "\"rope_theta\": 9223372036854775808")
                .write(toFile: path, atomically: true, encoding: .utf8)
            let result = try Program.run("inspect", directory + "/model")
            #expect(result.status == 0 && result.output.contains("9223372036854775808"), "\(result.status) \(result.output) \(result.errors)")
        }
    }
}
