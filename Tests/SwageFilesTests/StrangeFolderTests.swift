import Foundation
import Swage
import SwageFiles
import SwageNative
import SwageText
import Testing
import TestSupport

/// Folders of strangers: what else lies in them, and what does not.
@Suite(.timeLimit(.minutes(30))) struct StrangeFolderTests {
    private func withFolder<Result>(_ decoder: String = "llama", _ body: (String) async throws -> Result) async throws -> Result {
        try await withTemporaryDirectory { directory in
            try FileManager.default.copyItem(atPath: Golden.decoder(decoder), toPath: directory + "/model")
            return try await body(directory + "/model")
        }
    }

    /// The folder's weights with others added or taken away.
    private func rewrite(_ folder: String, _ change: (inout JSONObject, inout Data) throws -> Void) throws {
        let path = URL(fileURLWithPath: folder + "/model.safetensors")
        let bytes = try Data(contentsOf: path)
        let length = bytes.withUnsafeBytes { Int(UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))) }
        let whole = try JSONValue(json: bytes[8..<8 + length])
        var header = try #require(whole.object)
        var data = Data(bytes[(8 + length)...])
        try change(&header, &data)
        let text = Data(JSONValue.object(header).json.utf8)
        try (withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text + data).write(to: path)
    }

    private func entry(_ type: String, _ shape: [Int], _ range: Range<Int>) -> JSONValue {
        .object([
            "dtype": .text(type), "shape": .list(shape.map { .number($0) }),
            "data_offsets": .list([.number(range.lowerBound), .number(range.upperBound)]),
        ])
    }

    private func setTied(_ folder: String) throws {
        let path = URL(fileURLWithPath: folder + "/config.json")
        let whole = try JSONValue(json: try Data(contentsOf: path))
        var json = try #require(whole.object)
        json["tie_word_embeddings"] = .flag(true)
        try Data(JSONValue.object(json).json.utf8).write(to: path)
    }

    @Test func tensorsThatNobodyReadsAreNamedAndDoNoHarm() async throws {
        try await withFolder { folder in
            try rewrite(folder) { header, data in
                header["rotary.inv_freq"] = entry("F64", [2], data.count..<data.count + 16)
                header["position_ids"] = entry("I64", [1, 2], data.count + 16..<data.count + 32)
                data += Data(count: 32)
            }
            let files = try ModelFiles.open(folder)
            #expect(try files.unreadTensors == ["position_ids", "rotary.inv_freq"])
            #expect(try files.unreadSummary == "2 tensors are not read: position_ids, rotary.inv_freq")
            _ = try await NativeTrainer(model: folder, threads: 1)
        }
    }

    @Test func aWeightOfATypeThatIsNotReadIsNamed() async throws {
        try await withFolder { folder in
            try rewrite(folder) { header, data in
                header["model.norm.weight"] = nil
                header["moved"] = nil
                header["model.norm.weight"] = entry("I64", [24], data.count..<data.count + 192)
                data += Data(count: 192)
                // What the old one took has to belong to something.
                let taken = header.members.compactMap { $0.value["data_offsets"]?.list?.compactMap(\.number?.integer) }
                let gap = try #require(Self.gap(taken))
                header["moved"] = entry("U8", [gap.count], gap)
            }
            let error = await #expect(throws: TrainerError.self) { _ = try await NativeTrainer(model: folder, threads: 1) }
            #expect(error?.description.contains("model.norm.weight") == true && error?.description.contains("I64") == true, "\(String(describing: error))")
        }
    }

    private static func gap(_ ranges: [[Int]]) -> Range<Int>? {
        var end = 0
        for range in ranges.sorted(by: { $0[0] < $1[0] }) {
            if range[0] > end { return end..<range[0] }
            end = range[1]
        }
        return nil
    }

    @Test func gapsAndEndsThatDoNotFitAreRefused() async throws {
        try await withFolder { folder in
            try rewrite(folder) { header, _ in header["model.norm.weight"] = nil }
            #expect(throws: TrainerError.self) { try ModelFiles.open(folder) }
        }
        try await withFolder { folder in
            try rewrite(folder) { _, data in data += Data(count: 4) }
            let error = #expect(throws: TrainerError.self) { try ModelFiles.open(folder) }
            #expect(error?.description.contains("all of them") == true, "\(String(describing: error))")
        }
    }

    @Test func aHeadOfItsOwnCountsWhereTheConfigurationTiesIt() async throws {
        // The tiny llama has a head of its own.
        try await withFolder { folder in
            try setTied(folder)
            let files = try ModelFiles.open(folder)
            #expect(!files.configuration.tiesEmbeddings)
            #expect(try files.unreadTensors.isEmpty)
        }
    }

    @Test func aHeadThatIsTheEmbeddingIsTied() async throws {
        try await withFolder("llama3_tied") { folder in
            try rewrite(folder) { header, data in
                let embedding = try #require(header["model.embed_tokens.weight"])
                let offsets = embedding["data_offsets"]?.list?.compactMap(\.number?.integer) ?? []
                let shape = embedding["shape"]?.list?.compactMap(\.number?.integer) ?? []
                header["lm_head.weight"] = entry("F32", shape, data.count..<data.count + offsets[1] - offsets[0])
                data += data[(data.startIndex + offsets[0])..<(data.startIndex + offsets[1])]
            }
            let files = try ModelFiles.open(folder)
            #expect(files.configuration.tiesEmbeddings)
            #expect(try files.unreadTensors.isEmpty)
        }
    }

    @Test func theHeadAloneServesAsBoth() async throws {
        try await withFolder("llama3_tied") { folder in
            try rewrite(folder) { header, _ in
                header["lm_head.weight"] = header["model.embed_tokens.weight"]
                header["model.embed_tokens.weight"] = nil
            }
            let files = try ModelFiles.open(folder)
            #expect(files.configuration.tiesEmbeddings && files.weights.shape(of: "model.embed_tokens.weight") != nil)
            _ = try await NativeTrainer(model: folder, threads: 1)
        }
    }

    /// A chat in a copy of a model with another file.
    private func chatText(_ model: TextModel, _ file: String, _ content: String) async throws -> String {
        try await withTemporaryDirectory { directory in
            let folder = directory + "/model"
            try FileManager.default.copyItem(atPath: model.path(), toPath: folder)
            try content.write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8)
            let own = try ModelFiles.open(folder).tokenizer.get()
            let sent = try TextTokenizer(files: try own.files(), from: "a server")
            let chat = Chat([ChatMessage(role: "user", content: "Hi")])
            let text = try own.text(of: chat, addGenerationPrompt: true)
            #expect(try sent.text(of: chat, addGenerationPrompt: true) == text)
            return text
        }
    }

    /// Llama 3's template writes the model's own bos_token.
    @Test(arguments: [("\"<|begin_of_text|>\"", "<|begin_of_text|><|start"), ("\"<|eot_id|>\"", "<|eot_id|><|start")])
    func aTemplateWritesTheBeginningThatTheModelHas(_ token: String, _ beginning: String) async throws {
        let text = try await chatText(.llama3, "tokenizer_config.json", "{\"bos_token\": \(token)}")
        #expect(text.hasPrefix(beginning), "\(text)")
    }

    @Test func aTemplateThatWritesABeginningFailsWhereThereIsNone() async throws {
        let error = await #expect(throws: TrainerError.self) { try await chatText(.llama3, "tokenizer_config.json", "{\"bos_token\": null}") }
        #expect(error?.message.contains("bos_token") == true, "\(String(describing: error))")
    }

    @Test func aTemplateThatIsTheNameOfAFormatIsATextAsAnyOther() async throws {
        #expect(try await chatText(.smollm2, "chat_template.jinja", "chatml") == "chatml")
    }

    @Test func aWholeFileCountsMoreThanAnIndex() async throws {
        try await withFolder { folder in
            try Data(#"{"weight_map": {"x": "gone.safetensors"}}"#.utf8).write(to: URL(fileURLWithPath: folder + "/model.safetensors.index.json"))
            _ = try ModelFiles.open(folder)
        }
    }

    @Test func pipesAndFoldersInPlaceOfFilesAreRefusedAtOnce() async throws {
        for name in ["config.json", "tokenizer.json", "model.safetensors", "generation_config.json"] {
            try await withFolder { folder in
                try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
                #expect(mkfifo("\(folder)/\(name)", 0o600) == 0)
                // A tokenizer that cannot be read is an error of its own.
                let error = #expect(throws: TrainerError.self) { try ModelFiles.open(folder).tokenizer.get() }
                #expect(error?.description.contains("\(name) is a pipe") == true, "\(String(describing: error))")
            }
        }
    }

    @Test func linksAreFollowed() async throws {
        try await withFolder { folder in
            for name in ["config.json", "model.safetensors"] {
                try FileManager.default.moveItem(atPath: "\(folder)/\(name)", toPath: "\(folder)/blob-\(name)")
                try FileManager.default.createSymbolicLink(atPath: "\(folder)/\(name)", withDestinationPath: "blob-\(name)")
            }
            _ = try ModelFiles.open(folder)
        }
    }

    @Test func weightsThatAreCutAfterTheyWereOpenedAreAnError() async throws {
        try await withFolder { folder in
            let files = try ModelFiles.open(folder)
            #expect(truncate(folder + "/model.safetensors", 4096) == 0)
            var room = [Float](repeating: 0, count: 24)
            #expect(throws: TrainerError.self) {
                for name in files.weights.tensorNames where files.weights.shape(of: name) == [24] {
                    try room.withUnsafeMutableBufferPointer { try files.weights.read(name, into: $0) }
                }
            }
        }
    }
}
