import Foundation
import Swage
import SwageText

/// A `.safetensors` file: a length, a JSON header, and the tensors' bytes.
package struct SafetensorsFile: WeightSource {
    /// The header may take no more than this, as the format's own implementation has it.
    private static let maximumHeaderBytes = 100_000_000

    package let tensors: [String: StoredTensor]
    package let metadata: [String: String]
    private let file: MappedFile

    /// - Parameter floatsAlone: whether tensors of other types, such as those of other engines, are passed over.
    /// - Throws: ``TrainerError`` with code `corruptFile` if any part of the header does not hold.
    package init(path: String, floatsAlone: Bool = false) throws {
        let file = try MappedFile(path)
        self.file = file
        guard file.data.count >= 8 else {
            throw file.corrupt("the file has \(file.data.count) bytes", expected: "a header of at least 8")
        }
        let length = file.withBytes(0..<8) { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(min(Self.maximumHeaderBytes, file.data.count - 8)) else {
            throw file.corrupt(
                "the header claims \(length) bytes", expected: "at most the \(file.data.count - 8) that follow")
        }
        let start = 8 + Int(length)
        let header: [String: Entry]
        do {
            header = try JSONDecoder().decode([String: Entry].self, from: file.data[8..<start])
        } catch {
            throw file.corrupt("the header is not what the format says: \(error.summary)")
        }
        var tensors: [String: StoredTensor] = [:]
        for (name, entry) in header where name != "__metadata__" && !(floatsAlone && entry.encoding == nil) {
            tensors[name] = try entry.tensor(name, dataStart: start, file: file)
        }
        try StoredTensor.checkRanges(Array(tensors.values), within: start..<file.data.count, of: file)
        self.tensors = tensors
        metadata = header["__metadata__"]?.metadata ?? [:]
    }

    package var tensorNames: Set<String> { Set(tensors.keys) }

    package func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    package func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        guard let tensor = tensors[name] else { throw file.corrupt("there is no tensor \"\(name)\"") }
        try file.read(tensor, into: destination)
    }

    /// Writes elements of a tensor to `destination`, as many as it has room for.
    /// - Parameter first: the first of them, where a block of the encoding begins.
    func read(_ tensor: StoredTensor, from first: Int, into destination: UnsafeMutableBufferPointer<Float>) throws {
        let begin = tensor.range.lowerBound + first / tensor.encoding.blockElements * tensor.encoding.blockBytes
        let bytes = (destination.count / tensor.encoding.blockElements) * tensor.encoding.blockBytes
        try file.read(
            StoredTensor(
                name: tensor.name, shape: [destination.count], encoding: tensor.encoding, range: begin..<begin + bytes),
            into: destination)
    }

    private struct Entry: Decodable {
        var dtype: String?
        var shape: [Int]?
        var data_offsets: [Int]?
        var metadata: [String: String]?

        var encoding: TensorEncoding? { dtype.flatMap { ["F32": .float32, "F16": .float16, "BF16": .bfloat16][$0] } }

        private enum CodingKeys: String, CodingKey { case dtype, shape, data_offsets }

        init(from decoder: any Decoder) throws {
            if decoder.codingPath.last?.stringValue == "__metadata__" {
                metadata = try decoder.singleValueContainer().decode([String: String].self)
                return
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            dtype = try container.decode(String.self, forKey: .dtype)
            shape = try container.decode([Int].self, forKey: .shape)
            data_offsets = try container.decode([Int].self, forKey: .data_offsets)
        }

        func tensor(_ name: String, dataStart: Int, file: MappedFile) throws -> StoredTensor {
            guard let encoding else {
                throw file.corrupt(
                    "tensor \"\(name)\" has the type \(dtype ?? "null")", expected: "F32, F16 or BF16")
            }
            guard let shape, let bytes = StoredTensor.byteCount(shape: shape, encoding: encoding) else {
                throw file.corrupt("tensor \"\(name)\" has the shape \(shape ?? [])", expected: "a shape that can be")
            }
            guard let offsets = data_offsets, offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1],
                offsets[1] <= file.data.count, offsets[1] - offsets[0] == bytes
            else {
                throw file.corrupt(
                    "tensor \"\(name)\" has the data_offsets \(data_offsets ?? [])",
                    expected: "\(bytes) bytes within the \(file.data.count - dataStart) of the file")
            }
            return StoredTensor(
                name: name, shape: shape, encoding: encoding, range: dataStart + offsets[0]..<dataStart + offsets[1])
        }
    }
}
