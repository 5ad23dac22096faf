import Foundation
import Swage
import SwageFiles
import Testing
import TestSupport

@Suite struct CorruptFileTests {
    private func error(ofSafetensors bytes: Data) async -> TrainerError? {
        await #expect(throws: TrainerError.self) {
            try await withTemporaryDirectory { directory in
                let path = directory + "/model.safetensors"
                try bytes.write(to: URL(fileURLWithPath: path))
                _ = try SafetensorsFile(path: path)
            }
        }
    }

    private func safetensors(_ header: String, data: Int = 16, length: UInt64? = nil) -> Data {
        var bytes = withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Data($0) }
        bytes += Data(header.utf8)
        return bytes + Data(repeating: 1, count: data)
    }

    private func entry(_ name: String = "a", _ dtype: String = "F32", _ shape: String = "[2,2]", _ range: String = "[0,16]")
        -> String
    {
        #""\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(range)}"#
    }

    @Test func aGoodFileIsRead() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/model.safetensors"
            try safetensors("{\(entry())}").write(to: URL(fileURLWithPath: path))
            #expect(try SafetensorsFile(path: path).shape(of: "a") == [2, 2])
        }
    }

    @Test(arguments: [
        ("an unknown type", "I8", "[2,2]", "[0,16]", "I8"), ("a shape that does not fit", "F32", "[2,3]", "[0,16]", "24 bytes"),
        ("a range beyond the file", "F32", "[4,2]", "[0,32]", "within the 16"),
        ("a range that runs backwards", "F32", "[2,2]", "[16,0]", "data_offsets"),
        ("a negative range", "F32", "[2,2]", "[-16,0]", "data_offsets"), ("a range of one", "F32", "[2,2]", "[0]", "data_offsets"),
        ("a negative shape", "F32", "[-2,-2]", "[0,16]", "shape"),
        ("an absurd shape", "F32", "[4611686018427387904,4]", "[0,16]", "shape"),
    ])
    func aTensorWithAFalseDescriptionIsNamed(
        _ what: String, dtype: String, shape: String, range: String, mentioned: String
    ) async {
        let error = await error(ofSafetensors: safetensors("{\(entry("odd.weight", dtype, shape, range))}"))
        #expect(error?.code == .corruptFile, "\(what)")
        #expect(error?.description.contains("odd.weight") == true && error?.description.contains(mentioned) == true, "\(what): \(error!)")
    }

    @Test func overlappingTensorsAreNamed() async {
        let header = "{\(entry("one", "F32", "[2]", "[0,8]")),\(entry("two", "F32", "[2]", "[4,12]"))}"
        let error = await error(ofSafetensors: safetensors(header))
        #expect(error?.message.contains("\"one\" and \"two\" overlap") == true)
    }

    @Test func headersThatCannotBeAreErrors() async {
        let bad: [(String, Data)] = [
            ("an empty file", Data()), ("seven bytes", Data(repeating: 0, count: 7)),
            ("a header longer than the file", safetensors("{}", length: 1000)),
            ("a header length of 2^64 - 1", safetensors("{}", length: .max)),
            ("a header that is no JSON", safetensors("{\"a\":")), ("a header that is a list", safetensors("[]")),
            ("a tensor without a type", safetensors(#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#)),
            ("a tensor that is a number", safetensors(#"{"a":5}"#)),
        ]
        for (what, bytes) in bad { #expect(await error(ofSafetensors: bytes)?.code == .corruptFile, "\(what)") }
    }

    static let ggufModel = Golden.decoder("qwen3") + "/model.gguf"

    /// Cuts and changed bytes anywhere in the header must end in an error or in a model, and never in a crash.
    @Test(arguments: 0..<8)
    func damagedGGUFNeverCrashes(seed: UInt64) async throws {
        let good = try Data(contentsOf: URL(fileURLWithPath: Self.ggufModel))
        var random = SeededGenerator(seed: seed, stream: 9)
        try await withTemporaryDirectory { directory in
            let path = directory + "/model.gguf"
            for round in 0..<150 {
                var bad = good
                if round % 3 == 0 {
                    bad = bad.prefix(Int.random(in: 0..<good.count, using: &random))
                } else {
                    for _ in 0..<Int.random(in: 1...4, using: &random) {
                        let place = Int.random(in: 0..<min(good.count, round % 3 == 1 ? 400 : 12000), using: &random)
                        bad[place] = UInt8.random(in: 0...255, using: &random)
                    }
                }
                try bad.write(to: URL(fileURLWithPath: path))
                do {
                    let files = try ModelFiles.open(path)
                    _ = files.weights.tensorNames
                } catch is TrainerError {
                    continue
                }
            }
        }
    }

    @Test(arguments: 0..<4)
    func damagedSafetensorsNeverCrash(seed: UInt64) async throws {
        let good = try Data(contentsOf: URL(fileURLWithPath: Golden.decoder("qwen3") + "/model.safetensors"))
        var random = SeededGenerator(seed: seed, stream: 10)
        try await withTemporaryDirectory { directory in
            let path = directory + "/model.safetensors"
            for round in 0..<150 {
                var bad = good
                if round % 3 == 0 { bad = bad.prefix(Int.random(in: 0..<good.count, using: &random)) }
                for _ in 0..<3 where !bad.isEmpty {
                    bad[Int.random(in: 0..<min(bad.count, 2500), using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                try bad.write(to: URL(fileURLWithPath: path))
                do {
                    let file = try SafetensorsFile(path: path)
                    for name in file.tensorNames { _ = try GoldenTensors(path).floats(name) }
                } catch is TrainerError {
                    continue
                }
            }
        }
    }

    @Test func aTruncatedGGUFSaysWhereItEnds() async throws {
        let good = try Data(contentsOf: URL(fileURLWithPath: Self.ggufModel))
        try await withTemporaryDirectory { directory in
            let path = directory + "/model.gguf"
            try good.prefix(good.count - 100).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: TrainerError.self) { try GGUFFile(path: path) }
            #expect(error?.code == .corruptFile)
            #expect(error?.description.contains(path) == true && error?.description.contains("bytes") == true)
        }
    }
}
