import Foundation
import Swage
import SwageFiles
import SwageText
import Testing
import TestSupport

/// Models in several GGUF files, as llama.cpp splits them.
@Suite(.timeLimit(.minutes(30))) struct SplitGGUFTests {
    private static let whole = Golden.decoder("qwen3") + "/model.gguf"

    /// Adds the keys of a split to a GGUF file, whose tensors stay as they are.
    private func part(_ number: Int, of count: Int, tensors: Int, _ bytes: Data) -> Data {
        func word<Value: FixedWidthInteger>(_ value: Value) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
        func entry(_ key: String, _ value: Int) -> Data {
            word(UInt64(key.utf8.count)) + Data(key.utf8) + word(UInt32(11)) + word(Int64(value))
        }
        let added = entry("split.no", number) + entry("split.count", count) + entry("split.tensors.count", tensors)
        let keys = bytes.dropFirst(16).prefix(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        // The keys go where the others begin; spaces in a key of their own keep the data aligned.
        let padding = (32 - (added.count + 8 + 4 + 8) % 32) % 32
        let filler = word(UInt64(0)) + word(UInt32(8)) + word(UInt64(padding)) + Data(repeating: 0x20, count: padding)
        return bytes.prefix(16) + word(keys + 4) + added + filler + bytes.dropFirst(24)
    }

    /// A part that has no tensors.
    private var empty: Data {
        Data("GGUF".utf8) + Data([3, 0, 0, 0]) + Data(count: 16)
    }

    @Test func thePartsAreReadFromAnyOfThem() async throws {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: Self.whole))
        let model = try GGUFFile(path: Self.whole)
        try await withTemporaryDirectory { directory in
            let paths = ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"].map { "\(directory)/\($0)" }
            try part(0, of: 2, tensors: model.tensors.count, bytes).write(to: URL(fileURLWithPath: paths[0]))
            let missing = #expect(throws: TrainerError.self) { try ModelFiles.open(paths[0]) }
            #expect(missing?.description.contains("m-00002-of-00002.gguf is not there") == true, "\(String(describing: missing))")

            try part(1, of: 2, tensors: model.tensors.count, empty).write(to: URL(fileURLWithPath: paths[1]))
            for path in paths {
                let files = try ModelFiles.open(path)
                #expect(files.weights.tensorNames == (try ModelFiles.open(Self.whole)).weights.tensorNames)
            }
            try part(0, of: 2, tensors: 1000, bytes).write(to: URL(fileURLWithPath: paths[0]))
            let few = #expect(throws: TrainerError.self) { try ModelFiles.open(paths[1]) }
            #expect(few?.description.contains("1000") == true, "\(String(describing: few))")

            let alone = directory + "/renamed.gguf"
            try part(0, of: 2, tensors: model.tensors.count, bytes).write(to: URL(fileURLWithPath: alone))
            let unnamed = #expect(throws: TrainerError.self) { try ModelFiles.open(alone) }
            #expect(unnamed?.description.contains("part 1 of 2") == true, "\(String(describing: unnamed))")
        }
    }
}
