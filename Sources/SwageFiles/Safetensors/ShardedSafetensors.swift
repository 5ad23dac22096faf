import Foundation
import Swage
import SwageText

/// The weights of a Hugging Face folder: `model.safetensors`, or shards with an index. As transformers has it, the index
/// is not looked at where the whole file is.
struct ShardedSafetensors: WeightSource {
    private static let whole = "model.safetensors"
    private static let index = "model.safetensors.index.json"

    private let fileOfTensor: [String: SafetensorsFile]
    let unreadable: [String: String]

    /// - Throws: ``TrainerError`` if there are no weights, or an index that does not fit its shards.
    init(folder: ModelFolder) throws {
        if FileManager.default.fileExists(atPath: "\(folder.path)/\(Self.whole)") {
            let file = try SafetensorsFile(path: "\(folder.path)/\(Self.whole)")
            fileOfTensor = file.tensors.mapValues { _ in file }
            unreadable = file.unreadable
            return
        }
        guard let index = try folder.json(Self.index) else {
            throw TrainerError(
                .inputOutput, "\(folder.path) has no weights", expected: "\(Self.whole), or shards with \(Self.index)")
        }
        let map = try index.required("weight_map")
        let places = try map.object().members.map {
            (tensor: $0.key, file: try JSONField($0.value, file: map.file, key: "weight_map.\($0.key)").text())
        }
        var fileOfTensor: [String: SafetensorsFile] = [:]
        var unreadable: [String: String] = [:]
        for name in Set(places.map(\.file)).sorted() {
            guard !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else {
                throw TrainerError(.corruptFile, "\(map.file) names the file \"\(name)\"", expected: "files of the same folder")
            }
            let file = try SafetensorsFile(path: folder.path + "/" + name)
            for tensor in file.tensors.keys {
                guard fileOfTensor.updateValue(file, forKey: tensor) == nil else {
                    throw TrainerError(
                        .corruptFile, "\(folder.path)/\(name) has the tensor \"\(tensor)\", which another shard has as well",
                        expected: "each tensor in one shard")
                }
            }
            unreadable.merge(file.unreadable) { first, _ in first }
        }
        for (tensor, name) in places where fileOfTensor[tensor] == nil && unreadable[tensor] == nil {
            throw TrainerError(
                .corruptFile, "\(folder.path)/\(name) has no tensor \"\(tensor)\"", expected: "it, as the index says")
        }
        self.fileOfTensor = fileOfTensor
        self.unreadable = unreadable
    }

    var tensorNames: Set<String> { Set(fileOfTensor.keys) }

    var tensors: [StoredTensor] { fileOfTensor.compactMap { $1.tensors[$0] } }

    func encoding(of name: String) -> TensorEncoding? { fileOfTensor[name]?.tensors[name]?.encoding }

    func shape(of name: String) -> [Int]? { fileOfTensor[name]?.shape(of: name) }

    /// Bytes are compared a piece at a time: an embedding may be large, and opening a model needs nothing else of it.
    func areEqual(_ one: String, _ other: String) throws -> Bool {
        guard let files = fileOfTensor[one].flatMap({ a in fileOfTensor[other].map { (a, $0) } }),
            let a = files.0.tensors[one], let b = files.1.tensors[other], a.encoding == b.encoding, a.shape == b.shape
        else { return try valuesAreEqual(one, other) }
        let piece = 1 << 22
        for begin in stride(from: 0, to: a.range.count, by: piece) {
            let part = begin..<min(begin + piece, a.range.count)
            guard try files.0.bytes(of: a, part) == files.1.bytes(of: b, part) else { return false }
        }
        return true
    }

    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        guard let file = fileOfTensor[name] else {
            throw TrainerError(.corruptFile, "the model has no tensor \"\(name)\"")
        }
        try file.read(name, into: destination)
    }
}
