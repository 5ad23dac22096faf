import Foundation
import Swage
import SwageText

/// Reads a GGUF file's header from front to back, and trusts none of its counts.
struct GGUFReader {
    /// Lists hold at most so many values in one file: small numbers take more room in memory than in a file.
    private static let maximumListedValues = 1 << 24

    let file: PlainFile
    private(set) var offset = 0
    private var listedValues = 0
    /// The part of the file that was read last, and where it begins.
    private var piece = Data()
    private var pieceStart = 0

    init(file: PlainFile) { self.file = file }

    /// Takes the next bytes.
    private mutating func take<Result>(_ count: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        guard count <= file.count - offset else {
            throw file.corrupt(
                "the file ends at byte \(file.count)", expected: "\(count) more bytes from byte \(offset) on")
        }
        if offset + count > pieceStart + piece.count {
            piece = try file.bytes(offset..<min(file.count, offset + max(count, 1 << 18)))
            pieceStart = offset
        }
        defer { offset += count }
        return try piece.withUnsafeBytes { bytes in
            try body(UnsafeRawBufferPointer(rebasing: bytes[offset - pieceStart..<offset - pieceStart + count]))
        }
    }

    mutating func bytes(_ count: Int) throws -> [UInt8] { try take(count) { Array($0) } }

    mutating func integer<Value: FixedWidthInteger>(_: Value.Type) throws -> Value {
        try take(MemoryLayout<Value>.size) { Value(littleEndian: $0.loadUnaligned(as: Value.self)) }
    }

    /// A count of things that take at least so many bytes each, checked against what is left of the file.
    mutating func count(_ what: String, minimumBytesEach: Int) throws -> Int {
        let count = try integer(UInt64.self)
        let most = (file.count - offset) / minimumBytesEach
        guard count <= UInt64(most) else {
            throw file.corrupt("the \(what) at byte \(offset - 8) is \(count)", expected: "at most \(most) in this file")
        }
        return Int(count)
    }

    mutating func string() throws -> String {
        let start = offset
        let length = try count("string length", minimumBytesEach: 1)
        guard let text = try take(length, { String(validating: $0, as: UTF8.self) }) else {
            throw file.corrupt("the string at byte \(start) is no UTF-8", expected: "UTF-8")
        }
        return text
    }

    mutating func value() throws -> GGUFValue {
        try value(type: try integer(UInt32.self), depth: 0)
    }

    private mutating func value(type: UInt32, depth: Int) throws -> GGUFValue {
        switch type {
        case 0: return .integer(Int(try integer(UInt8.self)))
        case 1: return .integer(Int(try integer(Int8.self)))
        case 2: return .integer(Int(try integer(UInt16.self)))
        case 3: return .integer(Int(try integer(Int16.self)))
        case 4: return .integer(Int(try integer(UInt32.self)))
        case 5: return .integer(Int(try integer(Int32.self)))
        case 6:
            let value = Float(bitPattern: try integer(UInt32.self))
            // 0.1 is written as the nearest number of 32 bits, and was meant as 0.1. Lists, which may be long, are not looked at so.
            return .number(depth == 0 ? Double("\(value)") ?? Double(value) : Double(value))
        case 7: return .flag(try integer(UInt8.self) != 0)
        case 8: return .text(try string())
        case 9 where depth < 4:
            let element = try integer(UInt32.self)
            let count = try count("array length", minimumBytesEach: element == 9 ? 12 : element == 8 ? 8 : 1)
            listedValues += count
            guard listedValues <= Self.maximumListedValues else {
                throw file.corrupt("the metadata lists more than \(Self.maximumListedValues) values", expected: "fewer")
            }
            return .array(try (0..<count).map { _ in try value(type: element, depth: depth + 1) })
        case 10:
            let value = try integer(UInt64.self)
            guard let exact = Int(exactly: value) else {
                throw file.corrupt("the number at byte \(offset - 8) is \(value)", expected: "at most \(Int.max)")
            }
            return .integer(exact)
        case 11: return .integer(Int(try integer(Int64.self)))
        case 12: return .number(Double(bitPattern: try integer(UInt64.self)))
        default:
            throw file.corrupt("the value before byte \(offset) has the type \(type)", expected: "a type from 0 to 12")
        }
    }

    struct TensorDescription {
        let name: String
        let shape: [Int]
        let encoding: TensorEncoding
        let offset: UInt64

        func placed(from start: Int, alignment: Int, in file: PlainFile) throws -> StoredTensor {
            guard let bytes = StoredTensor.byteCount(shape: shape, encoding: encoding) else {
                throw file.corrupt(
                    "tensor \"\(name)\" has the shape \(shape)",
                    expected: "whole blocks of \(encoding.blockElements) elements in \(encoding.name)")
            }
            let room = max(0, file.count - start)
            guard bytes <= room, offset <= UInt64(room - bytes) else {
                throw file.corrupt(
                    "tensor \"\(name)\" takes \(bytes) bytes from \(offset) on",
                    expected: "bytes within the \(room) of the file's data")
            }
            guard offset % UInt64(alignment) == 0 else {
                throw file.corrupt("tensor \"\(name)\" begins at \(offset)", expected: "a multiple of the alignment, \(alignment)")
            }
            let begin = start + Int(offset)
            return StoredTensor(name: name, shape: shape, encoding: encoding, range: begin..<begin + bytes)
        }
    }

    mutating func tensorDescription() throws -> TensorDescription {
        let name = try string()
        let rank = try integer(UInt32.self)
        guard rank <= 4 else { throw file.corrupt("tensor \"\(name)\" has \(rank) axes", expected: "at most 4") }
        // GGUF lists the axis that varies fastest first.
        let shape = try (0..<rank).map { _ in
            let extent = try integer(UInt64.self)
            guard let exact = Int(exactly: extent) else {
                throw file.corrupt("tensor \"\(name)\" has an axis of \(extent)", expected: "at most \(Int.max)")
            }
            return exact
        }
        let type = try integer(UInt32.self)
        guard let encoding = TensorEncoding.ofGGML(type) else {
            throw TrainerError(
                .unsupported, "\(file.path): tensor \"\(name)\" has GGML type \(type)",
                expected: "one of \(TensorEncoding.ggmlNames.joined(separator: ", "))")
        }
        return TensorDescription(
            name: name, shape: shape.reversed(), encoding: encoding, offset: try integer(UInt64.self))
    }
}
