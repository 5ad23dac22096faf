import Foundation
import Swage
import SwageText

/// A `.safetensors` file: a length, a JSON header, and the tensors' bytes.
package struct SafetensorsFile: WeightSource {
    /// The header may take no more than this, as the format's own implementation has it.
    private static let maximumHeaderBytes = 100_000_000

    /// The tensors of a type that can be read.
    package let tensors: [String: StoredTensor]
    /// The others, each with its type.
    package let unreadable: [String: String]
    package let metadata: [String: String]
    private let file: PlainFile

    /// - Throws: ``TrainerError`` with code `corruptFile` if any part of the header does not hold.
    package init(path: String) throws {
        let file = try PlainFile(path)
        self.file = file
        guard file.count >= 8 else {
            throw file.corrupt("the file has \(file.count) bytes", expected: "a header of at least 8")
        }
        let length = try file.bytes(0..<8).withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(min(Self.maximumHeaderBytes, file.count - 8)) else {
            throw file.corrupt(
                "the header claims \(length) bytes", expected: "at most the \(file.count - 8) that follow")
        }
        let start = 8 + Int(length)
        let header = try JSONField(json: try file.bytes(8..<start), file: "\(path): the header")
        var tensors: [String: StoredTensor] = [:]
        var unreadable: [String: String] = [:]
        var ranges: [(name: String, range: Range<Int>)] = []
        for member in try header.object().members where member.key != "__metadata__" {
            let entry = try SafetensorsEntry(member.key, JSONField(member.value, file: header.file, key: member.key))
            ranges.append((member.key, entry.range))
            if let encoding = entry.encoding {
                tensors[member.key] = StoredTensor(
                    name: member.key, shape: entry.shape, encoding: encoding,
                    range: start + entry.range.lowerBound..<start + entry.range.upperBound)
            } else {
                unreadable[member.key] = entry.type
            }
        }
        try Self.check(ranges, fill: file.count - start, of: file)
        self.tensors = tensors
        self.unreadable = unreadable
        metadata =
            try header["__metadata__"].map { field in
                Dictionary(
                    try field.object().members.map { ($0.key, try JSONField($0.value, file: field.file, key: "__metadata__.\($0.key)").text()) },
                    uniquingKeysWith: { first, _ in first })
            } ?? [:]
    }

    /// Tensors follow each other without gaps and fill the file: a cut or padded one is another than was written.
    private static func check(_ ranges: [(name: String, range: Range<Int>)], fill count: Int, of file: PlainFile) throws {
        var end = 0
        var last: String?
        for (name, range) in ranges.sorted(by: { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }) {
            guard range.upperBound <= count else {
                throw file.corrupt("tensor \"\(name)\" takes the bytes \(range)", expected: "bytes within the \(count) of the file's data")
            }
            guard range.lowerBound == end else {
                let other = last.map { "tensors \"\($0)\" and \"\(name)\"" } ?? "the beginning and tensor \"\(name)\""
                throw file.corrupt(
                    range.lowerBound < end
                        ? "\(other) overlap at byte \(range.lowerBound)" : "\(other) have \(range.lowerBound - end) bytes between them",
                    expected: "tensors that follow each other")
            }
            (end, last) = (range.upperBound, name)
        }
        guard end == count else {
            throw file.corrupt("the tensors take \(end) bytes of the file's \(count)", expected: "all of them")
        }
    }

    package var tensorNames: Set<String> { Set(tensors.keys) }

    package func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    package func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        guard let tensor = tensors[name] else { throw file.corrupt("there is no tensor \"\(name)\"") }
        try file.read(tensor, into: destination)
    }

    /// Bytes of a tensor as they are stored, counted from its first.
    func bytes(of tensor: StoredTensor, _ part: Range<Int>) throws -> Data {
        try file.bytes(tensor.range.lowerBound + part.lowerBound..<tensor.range.lowerBound + part.upperBound)
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
}

/// What a header says of one tensor.
private struct SafetensorsEntry {
    let type: String
    let shape: [Int]
    /// The bytes among the file's data.
    let range: Range<Int>
    /// Nil for a type that is not read here.
    let encoding: TensorEncoding?

    /// The format's types, each with its bits an element.
    private static let bits = [
        "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
        "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64,
    ]

    init(_ name: String, _ entry: JSONField) throws {
        type = try entry.required("dtype").text()
        shape = try entry.required("shape").list().map { try $0.integer(0...Int.max) }
        let offsets = try entry.required("data_offsets").list().map { try $0.integer(0...Int.max) }
        guard let bits = Self.bits[type] else {
            throw TrainerError(
                .corruptFile, "\(entry.file): tensor \"\(name)\" has the type \"\(type)\"",
                expected: "one of \(Self.bits.keys.sorted().joined(separator: ", "))")
        }
        guard let total = elementCount(shape + [bits]), total % 8 == 0 else {
            throw TrainerError(
                .corruptFile, "\(entry.file): tensor \"\(name)\" has the shape \(shape)", expected: "a shape whose bytes can be counted")
        }
        guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] - offsets[0] == total / 8 else {
            throw TrainerError(
                .corruptFile, "\(entry.file): tensor \"\(name)\" has the data_offsets \(offsets)",
                expected: "\(total / 8) bytes, for the shape \(shape) in \(type)")
        }
        range = offsets[0]..<offsets[1]
        encoding = TensorEncoding.ofSafetensors(type)
    }
}
