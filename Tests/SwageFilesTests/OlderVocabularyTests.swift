import Foundation
import Swage
import SwageFiles
import SwageText
import TestSupport
import Testing

/// Folders without `tokenizer.json`, against what transformers makes of them, and GGUF vocabularies against llama.cpp.
@Suite struct OlderVocabularyTests {
    struct Golden: Decodable {
        struct Folder: Decodable {
            var name: String
            var copied: [String: String]
            var written: [String: String]
            var ids: [[Int32]]
            var decoded: [String]
            var skipped: [String]

            /// Writes the files into a folder.
            func write(to folder: String) throws {
                for (name, source) in copied {
                    try FileManager.default.copyItem(atPath: "\(TestSupport.Golden.root)/tokenizers/parts/\(source)", toPath: "\(folder)/\(name)")
                }
                for (name, content) in written { try Data(content.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
            }
        }

        struct Model: Decodable {
            var name: String
            var ids: [[Int32]]
        }

        var lines: [String]
        var folders: [Folder]
        var models: [Model]
    }

    static let golden = Result { try TestSupport.Golden.json(Golden.self, "tokenizers/folders.json") }
    static let folders = (try? golden.get().folders.map(\.name)) ?? []
    static let models = (try? golden.get().models.map(\.name)) ?? []

    private func folder(_ name: String) throws -> Golden.Folder { try #require(try Self.golden.get().folders.first { $0.name == name }) }

    private func expectSameIDs(_ tokenizer: some Tokenizer, as ids: [[Int32]], _ what: String) throws {
        for (line, expected) in zip(try Self.golden.get().lines, ids) {
            let found = try tokenizer.encode(line, addSpecialTokens: true)
            #expect(found == expected, "\(what): \(line.debugDescription)")
        }
    }

    @Test(arguments: folders) func aFolderIsReadAsTransformersReadsIt(_ name: String) async throws {
        let folder = try folder(name)
        try await withTemporaryDirectory { directory in
            try folder.write(to: directory)
            let tokenizer = try TextTokenizer(path: directory)
            try expectSameIDs(tokenizer, as: folder.ids, name)
            for (ids, (decoded, skipped)) in zip(folder.ids, zip(folder.decoded, folder.skipped)) {
                #expect(try tokenizer.decode(ids, skipSpecialTokens: false).hasSameBytes(as: decoded), "\(name): \(ids)")
                #expect(try tokenizer.decode(ids, skipSpecialTokens: true).hasSameBytes(as: skipped), "\(name): \(ids)")
            }
        }
    }

    @Test(arguments: folders) func whatIsSentToAClientIsTheSameTokenizer(_ name: String) async throws {
        let folder = try folder(name)
        try await withTemporaryDirectory { directory in
            try folder.write(to: directory)
            let own = try TextTokenizer(path: directory)
            let sent = try TextTokenizer(files: try own.files(), from: "a server")
            #expect(sent.endOfSequenceIDs == own.endOfSequenceIDs && sent.vocabularySize == own.vocabularySize)
            try expectSameIDs(sent, as: folder.ids, name)
        }
    }

    @Test(arguments: models) func aVocabularyIsReadAsLlamaCppReadsIt(_ name: String) throws {
        let model = try #require(try Self.golden.get().models.first { $0.name == name })
        let tokenizer = try TextTokenizer(path: "\(TestSupport.Golden.root)/tokenizers/gguf/\(name).gguf")
        try expectSameIDs(tokenizer, as: model.ids, name)
    }

    /// Chats are cut by where in the text their tokens lie.
    @Test(arguments: models) func thePlacesOfTokensGoUp(_ name: String) throws {
        let path = "\(TestSupport.Golden.root)/tokenizers/gguf/\(name).gguf"
        let pipeline = try TextTokenizer(path: path).definition.pipeline
        for line in try Self.golden.get().lines {
            let spans = try pipeline.spans(of: line)
            #expect(try spans.map(\.id) == pipeline.encode(line, addSpecialTokens: false), "\(line.debugDescription)")
            let starts = spans.map(\.start)
            #expect(starts == starts.sorted() && spans.allSatisfy { 0...line.utf8.count ~= $0.end && $0.start <= $0.end }, "\(name): \(spans)")
        }
    }

    @Test(arguments: models) func theFolderOfAnExportHasTheSameIDs(_ name: String) async throws {
        let model = try #require(try Self.golden.get().models.first { $0.name == name })
        try await withTemporaryDirectory { directory in
            let folder = directory + "/model"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            try ModelFiles.open("\(TestSupport.Golden.root)/tokenizers/gguf/\(name).gguf").export(to: folder)
            let tokenizer = try TextTokenizer(path: folder)
            let lines = zip(try Self.golden.get().lines, model.ids)
            let differing = try lines.filter { try tokenizer.encode($0, addSpecialTokens: true) != $1 }.map(\.0)
            // tokenizer.json cannot say that what is unknown becomes one token, nor that a mark within a word begins another.
            #expect(differing.count <= (["t5": 2, "bert": 1][name] ?? 0), "\(name): \(differing)")
        }
    }

    @Test(arguments: [
        (["vocab.json"], "merges.txt"), (["merges.txt"], "vocab.json"), ([], "tokenizer.json"),
    ]) func aMissingFileIsNamed(_ present: [String], _ missing: String) async throws {
        try await withTemporaryDirectory { directory in
            let whole = try folder("gpt2")
            for name in present { try Data((whole.written[name] ?? "").utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name)")) }
            let error = #expect(throws: TrainerError.self) { try TextTokenizer(path: directory) }
            #expect(error?.code == .inputOutput && error?.message.contains("has no \(missing)") == true, "\(String(describing: error))")
        }
    }

    @Test(arguments: [
        ("XLNetTokenizer", "tokenizer_class"), ("GPT2Tokenizer", "GPT2Tokenizer"),
    ]) func aClassThatIsNotKnownIsRefused(_ name: String, _ mentioned: String) async throws {
        try await withTemporaryDirectory { directory in
            try folder("bare").write(to: directory)
            try Data(#"{"tokenizer_class": "\#(name)"}"#.utf8).write(to: URL(fileURLWithPath: directory + "/tokenizer_config.json"))
            let error = #expect(throws: TrainerError.self) { try TextTokenizer(path: directory) }
            #expect(error?.code == .unsupported && error?.message.contains(mentioned) == true, "\(String(describing: error))")
        }
    }

    @Test func aVocabularyOfTiktokenIsRefusedByName() async throws {
        try await withTemporaryDirectory { directory in
            try Data("IQ== 0\nIg== 1\n".utf8).write(to: URL(fileURLWithPath: directory + "/tokenizer.model"))
            let error = #expect(throws: TrainerError.self) { try TextTokenizer(path: directory) }
            #expect(error?.code == .unsupported && error?.message.contains("tiktoken") == true, "\(String(describing: error))")
        }
    }
}
