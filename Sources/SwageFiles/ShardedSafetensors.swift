import Foundation
import Swage

/// The weights of a Hugging Face folder: `model.safetensors`, or shards with an index.
struct ShardedSafetensors: WeightSource {
    private struct Index: Decodable {
        var weight_map: [String: String]
    }

    private let fileOfTensor: [String: SafetensorsFile]

    /// - Throws: ``TrainerError`` if there are no weights, or an index that does not fit its shards.
    init(folder: ModelFolder) throws {
        guard let index = try folder.decode(Index.self, "model.safetensors.index.json") else {
            guard FileManager.default.fileExists(atPath: folder.path + "/model.safetensors") else {
                throw TrainerError(
                    .inputOutput, "\(folder.path) has no weights",
                    expected: "model.safetensors, or shards with model.safetensors.index.json")
            }
            let file = try SafetensorsFile(path: folder.path + "/model.safetensors")
            fileOfTensor = file.tensors.mapValues { _ in file }
            return
        }
        var files: [String: SafetensorsFile] = [:]
        for name in Set(index.weight_map.values).sorted() {
            guard !name.contains("/"), !name.hasPrefix(".") else {
                throw TrainerError(
                    .corruptFile, "\(folder.path)/model.safetensors.index.json names the file \"\(name)\"",
                    expected: "files of the same folder")
            }
            files[name] = try SafetensorsFile(path: folder.path + "/" + name)
        }
        var fileOfTensor: [String: SafetensorsFile] = [:]
        for (tensor, name) in index.weight_map {
            guard let file = files[name], file.tensors[tensor] != nil else {
                throw TrainerError(
                    .corruptFile, "\(folder.path)/\(name) has no tensor \"\(tensor)\"", expected: "it, as the index says")
            }
            fileOfTensor[tensor] = file
        }
        self.fileOfTensor = fileOfTensor
    }

    var tensorNames: Set<String> { Set(fileOfTensor.keys) }

    var encodings: [TensorEncoding] {
        Set(fileOfTensor.map { $1.tensors[$0]!.encoding }).sorted { $0.rawValue < $1.rawValue }
    }

    func shape(of name: String) -> [Int]? { fileOfTensor[name]?.shape(of: name) }

    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        guard let file = fileOfTensor[name] else {
            throw TrainerError(.corruptFile, "the model has no tensor \"\(name)\"")
        }
        try file.read(name, into: destination)
    }
}
