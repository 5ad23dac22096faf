import Foundation
import Swage
import SwageFiles
import SwageNative
import Testing
import TestSupport

/// Model folders that are not what they should be, and the ways in which weights may be stored.
@Suite struct ModelFolderTests {
    /// A copy of a tiny model's folder, changed by `change`.
    private func withFolder<Result>(
        _ name: String = "llama", change: (String) throws -> Void, _ body: (String) async throws -> Result
    ) async throws -> Result {
        try await withTemporaryDirectory { directory in
            let folder = directory + "/model"
            try FileManager.default.copyItem(atPath: Golden.decoder(name), toPath: folder)
            try change(folder)
            return try await body(folder)
        }
    }

    private func edit(_ file: String, _ old: String, _ new: String) throws {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.contains(old))
        try text.replacingOccurrences(of: old, with: new).write(toFile: file, atomically: true, encoding: .utf8)
    }

    private func errorOfTrainer(change: (String) throws -> Void) async throws -> TrainerError? {
        try await withFolder(change: change) { folder in
            await #expect(throws: TrainerError.self) { _ = try await NativeTrainer(model: folder) }
        }
    }

    @Test(arguments: [
        ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "model.layers.2."),
        ("\"hidden_size\": 24", "\"hidden_size\": 28", "embed_tokens"),
        ("\"intermediate_size\": 40", "\"intermediate_size\": 41", "gate_proj"),
        ("\"vocab_size\": 300", "\"vocab_size\": 301", "[301, 24]"),
        ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "num_attention_heads"),
        ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 0", "num_key_value_heads"),
        ("\"num_attention_heads\": 4", "\"num_attention_heads\": 0", "num_attention_heads"),
        ("\"hidden_size\": 24", "\"hidden_size\": -24", "hidden_size"),
        ("\"model_type\": \"llama\"", "\"model_type\": \"mamba\"", "mamba"),
        ("\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"", "gelu"),
        ("\"rope_type\": \"default\"", "\"rope_type\": \"yarn\"", "factor"),
        // What is not there is as in transformers, and does not fit the weights.
        ("\"hidden_size\": 24,", "", "embed_tokens"), ("\"vocab_size\": 300", "\"vocab_size\": \"many\"", "vocab_size"),
    ])
    func aConfigurationThatDoesNotFitIsAnErrorThatNamesWhatIsOdd(
        _ old: String, _ new: String, _ mentioned: String
    ) async throws {
        let error = try await errorOfTrainer { try edit($0 + "/config.json", old, new) }
        #expect(error?.description.contains(mentioned) == true, "\(String(describing: error))")
    }

    @Test(arguments: ["config.json", "model.safetensors"])
    func aMissingFileIsNamed(_ file: String) async throws {
        let error = try await errorOfTrainer { try FileManager.default.removeItem(atPath: "\($0)/\(file)") }
        #expect(error?.description.contains(file) == true)
    }

    /// Some tokenizers do what this library does not, such as drawing how a word is cut.
    @Test func aModelWithoutAKnownTokenizerTrainsOnTokenIDs() async throws {
        let broken: [(String, (String) throws -> Void)] = [
            ("tokenizer.json", { try FileManager.default.removeItem(atPath: $0 + "/tokenizer.json") }),
            ("dropout", { try edit($0 + "/tokenizer.json", "\"dropout\":null", "\"dropout\":0.5") }),
        ]
        for (mentioned, change) in broken {
            try await withFolder(change: change) { folder in
                let trainer = try await NativeTrainer(model: folder)
                let golden = try GoldenTensors(folder + "/golden.safetensors")
                _ = try await trainer.forwardBackward(try golden.batch(0))
                #expect(try await trainer.sampler.generate([[1, 2]], options: .greedy(maxTokens: 3))[0].tokens.count == 3)
                let error = await #expect(throws: TrainerError.self) { _ = try await trainer.tokenizer() }
                #expect(error?.description.contains(mentioned) == true, "\(String(describing: error))")
            }
        }
    }

    @Test func theTokensThatEndAChatComeFromAllThreeFiles() async throws {
        try await withFolder(change: { folder in
            struct Templates: Decodable { var templates: [String: String] }
            let template = try Golden.json(Templates.self, "chat_templates.json").templates["chatml"]
            let quoted = String(decoding: try JSONEncoder().encode(try #require(template)), as: UTF8.self)
            let files = [
                "tokenizer_config.json": #"{"eos_token": {"content": "<|im_end|>"}, "chat_template": [{"name": "default", "template": \#(quoted)}]}"#,
                "generation_config.json": #"{"eos_token_id": [7, 2]}"#,
            ]
            for (name, text) in files {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            try edit(folder + "/config.json", #""eos_token_id": 2"#, #""eos_token_id": 9"#)
        }) { folder in
            let tokenizer = try ModelFiles.open(folder).tokenizer.get()
            #expect(tokenizer.endOfSequenceIDs == [2, 7, 9])
            #expect(tokenizer.chatTemplateSummary == "the template \"chatml\"")
        }
    }

    @Test(arguments: ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"])
    func aBrokenFileIsNamed(_ file: String) async throws {
        let error = try await errorOfTrainer {
            try "{ broken".write(toFile: "\($0)/\(file)", atomically: true, encoding: .utf8)
        }
        #expect(error?.code == .corruptFile)
        #expect(error?.description.contains(file) == true)
    }

    @Test func aModelThatDoesNotExistIsAnErrorWithItsPath() async {
        let error = await #expect(throws: TrainerError.self) { _ = try await NativeTrainer(model: "/nowhere/model") }
        #expect(error?.description.contains("/nowhere/model does not exist") == true)
    }

    @Test func weightsThatAreNaNAreAnErrorThatNamesTheTensor() async throws {
        let error = try await errorOfTrainer { folder in
            let path = folder + "/model.safetensors"
            var data = try Data(contentsOf: URL(fileURLWithPath: path))
            data.replaceSubrange(data.count - 4..<data.count, with: withUnsafeBytes(of: Float.nan) { Data($0) })
            try data.write(to: URL(fileURLWithPath: path))
        }
        #expect(error?.code == .nonFinite)
        #expect(error?.description.contains("tensor \"") == true)
    }

    @Test func shardsWithAnIndexReadAsOneFile() async throws {
        let whole = try ModelFiles.open(Golden.decoder("llama"))
        try await withFolder(change: { try split($0) }) { folder in
            let sharded = try ModelFiles.open(folder)
            #expect(sharded.weights.tensorNames == whole.weights.tensorNames)
            for name in whole.weights.tensorNames {
                #expect(try sharded.weights.values(name) == whole.weights.values(name), "\(name)")
            }
        }
    }

    @Test func anIndexThatDoesNotFitItsShardsIsAnError() async throws {
        let missing = try await errorOfTrainer { folder in
            try split(folder)
            try edit(folder + "/model.safetensors.index.json", "lm_head.weight", "lm_head.other")
        }
        #expect(missing?.description.contains("lm_head.other") == true)
        let outside = try await errorOfTrainer { folder in
            try split(folder)
            try edit(folder + "/model.safetensors.index.json", "shard-1.safetensors", "../shard-1.safetensors")
        }
        #expect(outside?.description.contains("../shard-1.safetensors") == true)
    }

    /// Writes the folder's weights as two shards with an index, and removes the whole.
    private func split(_ folder: String) throws {
        let source = try SafetensorsFile(path: folder + "/model.safetensors")
        var map: [String: String] = [:]
        let names = source.tensorNames.sorted()
        for (shard, part) in [names[..<5], names[5...]].enumerated() {
            let file = "shard-\(shard).safetensors"
            let values = try part.map { try source.values($0) }
            try withViews(part.map { ($0, source.shape(of: $0)!) }, values) { views in
                try SafetensorsWriter.write(views, to: folder + "/" + file)
            }
            for name in part { map[name] = file }
        }
        let index = try JSONSerialization.data(withJSONObject: ["weight_map": map], options: .withoutEscapingSlashes)
        try index.write(to: URL(fileURLWithPath: folder + "/model.safetensors.index.json"))
        try FileManager.default.removeItem(atPath: folder + "/model.safetensors")
    }

    private func withViews(
        _ tensors: [(String, [Int])], _ values: [[Float]], _ body: ([TensorView]) throws -> Void
    ) rethrows {
        let buffers = values.map { values in
            let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
            _ = buffer.initialize(from: values)
            return buffer
        }
        defer { for buffer in buffers { buffer.deallocate() } }
        try body(
            zip(tensors, buffers).map {
                TensorView(name: $0.0, shape: $0.1, elements: UnsafeBufferPointer($1))
            })
    }
}

extension WeightSource {
    fileprivate func values(_ name: String) throws -> [Float] {
        var values = [Float](repeating: 0, count: shape(of: name)!.reduce(1, *))
        try values.withUnsafeMutableBufferPointer { try read(name, into: $0) }
        return values
    }
}
