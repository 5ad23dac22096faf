import Foundation
import Swage
import SwageFiles
import Testing
import TestSupport

@Suite struct ModelDigestTests {
    private func withModel(_ body: (String) throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.copyItem(atPath: Golden.decoder("qwen3"), toPath: directory + "/model")
            try body(directory + "/model")
        }
    }

    private func append(_ text: String, to path: String) throws {
        let before = FileManager.default.contents(atPath: path) ?? Data()
        try (before + Data(text.utf8)).write(to: URL(fileURLWithPath: path))
    }

    @Test func aCopyIsTheSameWhateverStandsBesideIt() async throws {
        try await withModel { model in
            let digest = try ModelDigest(Golden.decoder("qwen3"))
            #expect(try ModelDigest(model) == digest)
            for name in ["README.md", "optimizer.safetensors", "checkpoint.json"] { try append("more", to: "\(model)/\(name)") }
            #expect(try ModelDigest(model) == digest)
            #expect(try ModelDigest(Golden.decoder("llama")).weights != digest.weights)
        }
    }

    @Test(arguments: ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
    func theTokenizerCountsByItself(_ name: String) async throws {
        try await withModel { model in
            let before = try ModelDigest(model)
            try append(" ", to: "\(model)/\(name)")
            let after = try ModelDigest(model)
            #expect(before.tokenizer != after.tokenizer && before.weights == after.weights)
        }
    }

    @Test func everyTensorCounts() async throws {
        try await withModel { model in
            let path = model + "/model.safetensors"
            let before = try ModelDigest(model)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            for tensor in try SafetensorsFile(path: path).tensors.values {
                var changed = bytes
                // As a training does, by a little everywhere.
                for place in stride(from: tensor.range.lowerBound, to: tensor.range.upperBound, by: 4) { changed[place] ^= 1 }
                try changed.write(to: URL(fileURLWithPath: path))
                #expect(try ModelDigest(model).weights != before.weights, "\(tensor.name)")
            }
            try append(" ", to: model + "/config.json")
            try bytes.write(to: URL(fileURLWithPath: path))
            #expect(try ModelDigest(model).weights != before.weights)
        }
    }

    @Test func aModelThatIsNotThereIsAnError() {
        let error = #expect(throws: TrainerError.self) { try ModelDigest("/nowhere") }
        #expect(error?.message == "/nowhere does not exist")
    }
}
