import Foundation
import Swage
import SwageText

/// One file in GGUF, version 2 or 3, little-endian: the whole of a model, or one of the files it was split into.
struct GGUFPart: Sendable {
    let version: UInt32
    let metadata: [String: GGUFValue]
    let tensors: [String: StoredTensor]
    let file: PlainFile

    private static let beginning = Array("GGUF".utf8)

    /// Whether a file is there that begins as one of this format does.
    static func isBegun(_ path: String) -> Bool {
        guard let file = try? PlainFile(path), file.count >= beginning.count else { return false }
        return (try? file.bytes(0..<beginning.count)).map(Array.init) == beginning
    }

    /// - Throws: ``TrainerError`` with code `corruptFile` if the file is truncated or its parts do not hold,
    ///   and `unsupported` for a version or a tensor type that is not known.
    init(path: String) throws {
        let file = try PlainFile(path)
        var reader = GGUFReader(file: file)
        guard try reader.bytes(Self.beginning.count) == Self.beginning else {
            throw file.corrupt("the file does not begin with \"GGUF\"", expected: "a GGUF model")
        }
        version = try reader.integer(UInt32.self)
        guard version == 2 || version == 3 else {
            let isSwapped = version & 0xFFFF == 0
            throw TrainerError(
                .unsupported, isSwapped ? "\(path) is big-endian GGUF" : "\(path) has GGUF version \(version)",
                expected: "version 2 or 3, little-endian")
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
        let alignment =
            try metadata["general.alignment"].map { value in
                guard let alignment = value.integer, (1...1 << 20).contains(alignment), alignment & (alignment - 1) == 0 else {
                    throw file.corrupt("general.alignment is \(value.summary)", expected: "a power of two")
                }
                return alignment
            } ?? 32
        let start = (reader.offset + alignment - 1) / alignment * alignment
        var tensors: [String: StoredTensor] = [:]
        for description in descriptions {
            let tensor = try description.placed(from: start, alignment: alignment, in: file)
            guard tensors.updateValue(tensor, forKey: tensor.name) == nil else {
                throw file.corrupt("the tensor \"\(tensor.name)\" comes twice")
            }
        }
        try StoredTensor.checkRanges(Array(tensors.values), within: min(start, file.count)..<file.count, of: file)
        self.metadata = metadata
        self.tensors = tensors
        self.file = file
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

    /// A few words for an error.
    var summary: String {
        switch self {
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .flag(let value): "\(value)"
        case .text(let value): "\"\(value.beginning(60))\""
        case .array(let values): "a list of \(values.count)"
        }
    }
}
