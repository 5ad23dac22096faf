import Foundation
import Swage
import SwageFiles
import SwageNative
import SwageText
import Testing
import TestSupport

/// Folders whose weights have 8 bits and scales, as DeepSeek's, Qwen's and Mistral's releases are.
@Suite struct ScaledWeightsTests {
    private static let root = Golden.root + "/short_numbers"

    @Test(arguments: ["blocks", "tensors", "wide"])
    func everyWeightAndLogitIsWhatTransformersMakesOfIt(_ name: String) async throws {
        let golden = try GoldenTensors("\(Self.root)/\(name)/golden.safetensors")
        let files = try ModelFiles.open("\(Self.root)/\(name)")
        for (tensor, shape) in files.tensorShapes where !tensor.hasSuffix("activation_scale") {
            var found = [Float](repeating: 0, count: shape.reduce(1, *))
            try found.withUnsafeMutableBufferPointer { try files.weights.read(tensor, into: $0) }
            #expect(try found == golden.floats(tensor).scalars, "\(tensor) differs")
        }
        let outputs = try await NativeTrainer(model: files.path).forward(ForwardInputs(inputIDs: try golden.integers("ids"), outputs: [.logits]))
        let difference = relativeDifference(outputs.logits!.scalars, try golden.floats("logits").scalars)
        #expect(difference < 1e-5, "\(difference)")
    }

    @Test func aTrainedModelIsSavedInFloat32WithoutScales() async throws {
        try await withTemporaryDirectory { directory in
            let saved = try await NativeTrainer(model: Self.root + "/tensors").save(name: nil, path: directory + "/saved", weightsOnly: true)
            let again = try ModelFiles.open(saved.path)
            #expect(again.format == "safetensors: F32" && again.unread(expected: again.tensorShapes.keys).isEmpty, "\(again.format)")
            #expect(try !String(contentsOfFile: saved.path + "/config.json", encoding: .utf8).contains("quantization_config"))
        }
    }

    @Test func enginesInOtherProcessesGetPlainNumbers() async throws {
        try await withTemporaryDirectory { directory in
            let folder = try ForeignModel(Self.root + "/blocks").folder(scratch: directory + "/scratch")
            let files = try ModelFiles.open(folder)
            #expect(files.format == "safetensors: F32" && files.tensorShapes.count == 24, "\(files.format), \(files.tensorShapes.count)")
        }
    }

    /// Blocks of 128 do not divide every matrix of DeepSeek-V3: the last ones are smaller.
    @Test func theLastBlockOfAMatrixMayBeSmaller() async throws {
        try await withFolder(#"{"quant_method": "fp8", "weight_block_size": [2, 3]}"#, shape: [3, 4], scales: [2, 2], [1, 2, 4, 8]) { folder in
            let weights = try ModelFiles.open(folder).weights
            var found = [Float](repeating: 0, count: 12)
            try found.withUnsafeMutableBufferPointer { try weights.read("model.x", into: $0) }
            #expect(found == [1, 1, 1, 2, 1, 1, 1, 2, 4, 4, 4, 8])
        }
    }

    @Test(arguments: [
        (#"{"quant_method": "gptq", "bits": 4}"#, [2, 2], "gptq"), (#"{"bits": 4}"#, [2, 2], "quant_method"),
        (#"{"quant_method": "fp8", "expert_dtype": "fp4"}"#, [2, 2], "expert_dtype"),
        (#"{"quant_method": "fp8", "weight_block_size": [2]}"#, [2, 2], "weight_block_size"),
        (#"{"quant_method": "fp8", "weight_block_size": [0, 3]}"#, [2, 2], "weight_block_size"),
        (#"{"quant_method": "fp8", "group_size": 3}"#, [2, 2], "group_size"),
        (#"{"quant_method": "fp8", "weight_block_size": [2, 3]}"#, [2, 1], "x_scale_inv"),
        (#"{"quant_method": "fp8", "weight_block_size": null}"#, [2, 2], "x_scale_inv"), ("null", [2, 2], "quantization_config"),
    ])
    func whatIsNotReadIsRefusedByName(_ quantization: String, _ scales: [Int], _ mentioned: String) async throws {
        let values = Array(repeating: Float(1), count: scales.reduce(1, *))
        try await withFolder(quantization, shape: [3, 4], scales: scales, values) { folder in
            let error = #expect(throws: TrainerError.self) { try ModelFiles.open(folder) }
            #expect(error?.description.contains(mentioned) == true, "\(String(describing: error))")
        }
    }

    @Test func weightsOf8BitsWithoutScalesAreReadAsTheyAreOrMissTheScalesThatAreSpokenOf() async throws {
        try await withFolder("null", shape: [3, 4], scales: nil, []) { folder in
            let format = try ModelFiles.open(folder).format
            #expect(format == "safetensors: F8_E4M3")
        }
        try await withFolder(#"{"quant_method": "fp8"}"#, shape: [3, 4], scales: nil, []) { folder in
            let error = #expect(throws: TrainerError.self) { try ModelFiles.open(folder) }
            #expect(error?.description.contains("no \"model.x_scale_inv\"") == true, "\(String(describing: error))")
        }
    }

    /// A folder with one tensor, `model.x`, of ones in F8_E4M3, and its scales.
    private func withFolder(
        _ quantization: String, shape: [Int], scales: [Int]?, _ values: [Float], _ body: (String) throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.copyItem(atPath: Self.root + "/blocks/tokenizer.json", toPath: directory + "/tokenizer.json")
            var config = try JSONValue(json: Data(contentsOf: URL(fileURLWithPath: Self.root + "/blocks/config.json"))).object ?? JSONObject()
            config["quantization_config"] = try JSONValue(json: Data("[\(quantization)]".utf8)).list?[0]
            try Data(JSONValue.object(config).json.utf8).write(to: URL(fileURLWithPath: directory + "/config.json"))
            let count = shape.reduce(1, *)
            var header = #"{"model.x":{"dtype":"F8_E4M3","shape":\#(shape),"data_offsets":[0,\#(count)]}"#
            if let scales { header += #","model.x_scale_inv":{"dtype":"F32","shape":\#(scales),"data_offsets":[\#(count),\#(count + 4 * values.count)]}"# }
            header += "}"
            let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
            let numbers = Data(repeating: 0x38, count: count) + values.withUnsafeBytes { Data($0) }
            try (length + Data(header.utf8) + numbers).write(to: URL(fileURLWithPath: directory + "/model.safetensors"))
            try body(directory)
        }
    }
}
