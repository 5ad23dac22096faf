import Foundation
import Swage

/// A GGUF file, version 2 or 3, little-endian: metadata by key, and tensors.
package struct GGUFFile: Sendable {
    package let version: UInt32
    package let metadata: [String: GGUFValue]
    package let tensors: [String: StoredTensor]
    let file: MappedFile

    /// - Throws: ``TrainerError`` with code `corruptFile` if the file is truncated or its parts do not hold,
    ///   and `unsupported` for a version or a tensor type that is not known.
    package init(path: String) throws {
        let file = try MappedFile(path)
        var reader = GGUFReader(file: file)
        guard try reader.bytes(4) == Array("GGUF".utf8) else {
            throw file.corrupt("the file does not begin with \"GGUF\"", expected: "a GGUF model")
        }
        version = try reader.integer(UInt32.self)
        guard version == 2 || version == 3 else {
            throw TrainerError(.unsupported, "\(path) has GGUF version \(version)", expected: "version 2 or 3")
        }
        let tensorCount = try reader.count("tensor count", minimumBytesEach: 24)
        let metadataCount = try reader.count("metadata count", minimumBytesEach: 13)
        var metadata: [String: GGUFValue] = [:]
        for _ in 0..<metadataCount {
            let key = try reader.string()
            guard metadata.updateValue(try reader.value(), forKey: key) == nil else {
                throw file.corrupt("the metadata key \"\(key)\" comes twice")
            }
        }
        let descriptions = try (0..<tensorCount).map { _ in try reader.tensorDescription() }
        let alignment = metadata["general.alignment"]?.integer ?? 32
        guard alignment > 0, alignment <= 1 << 20, alignment & (alignment - 1) == 0 else {
            throw file.corrupt("general.alignment is \(alignment)", expected: "a power of two")
        }
        let start = (reader.offset + alignment - 1) / alignment * alignment
        var tensors: [String: StoredTensor] = [:]
        for description in descriptions {
            let tensor = try description.placed(from: start, in: file)
            guard tensors.updateValue(tensor, forKey: tensor.name) == nil else {
                throw file.corrupt("the tensor \"\(tensor.name)\" comes twice")
            }
        }
        try StoredTensor.checkRanges(
            Array(tensors.values), within: min(start, file.data.count)..<file.data.count, of: file)
        self.metadata = metadata
        self.tensors = tensors
        self.file = file
    }

    /// The elements of a tensor, in row-major order.
    package func values(of tensor: StoredTensor) throws -> [Float] {
        try [Float](unsafeUninitializedCapacity: tensor.elementCount) { buffer, count in
            count = tensor.elementCount
            let destination = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
            try file.read(tensor, into: destination)
        }
    }

    /// The metadata under `key`, or an error that names it.
    func required<Value>(_ key: String, _ read: (GGUFValue) -> Value?) throws -> Value {
        guard let value = metadata[key] else { throw file.corrupt("the metadata has no \"\(key)\"") }
        guard let result = read(value) else { throw file.corrupt("the metadata under \"\(key)\" is of another type") }
        return result
    }
}

/// A value of GGUF's metadata.
package enum GGUFValue: Sendable, Equatable {
    case integer(Int)
    case number(Double)
    case flag(Bool)
    case text(String)
    case array([GGUFValue])

    package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    package var flag: Bool? { if case .flag(let value) = self { value } else { nil } }
    package var text: String? { if case .text(let value) = self { value } else { nil } }
    package var array: [GGUFValue]? { if case .array(let value) = self { value } else { nil } }
    package var number: Double? {
        switch self {
        case .number(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }
}
